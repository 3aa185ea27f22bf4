//! Tokens that nobody should have signed, made from a good one and with the server's own keys.

use std::cell::RefCell;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use compare::{Kind, Side, World};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::authn::jwt::{Claims, Signer};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::Store;

/// All that an attacker could know, and the keys themselves.
pub(crate) struct Forge {
    /// Header and claims of bob's good token.
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// Bob's good token, and alice's.
    pub(crate) token: String,
    pub(crate) other_token: String,
    /// What the server itself signs with or verifies.
    pub(crate) own: Key,
    /// The public key of the RBAC server, in the three forms in which it is found.
    pub(crate) public_pem: Vec<u8>,
    pub(crate) public_der: Vec<u8>,
    pub(crate) public_jwk: Vec<u8>,
    /// A key pair of the attacker's own.
    pub(crate) stranger: Key,
    pub(crate) stranger_jwk: Value,
    pub(crate) stranger_der: Vec<u8>,
    /// Where the attacker listens.
    pub(crate) trap: String,
    /// Bob's client at the token endpoint, and alice's.
    pub(crate) client: Client,
    pub(crate) other_client: Client,
    /// What the server verifies with, as it lies in its file.
    pub(crate) verifying: String,
    /// The key that is to follow it.
    pub(crate) next: Next,
    /// The store that the servers read.
    pub(crate) store: Store,
    made: RefCell<Vec<String>>,
}

/// Id and secret of an OAuth client, as they lie in its file.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A key that no server has yet, as it would lie in its file, and bob's good token under it.
pub(crate) struct Next {
    pub(crate) verifying: String,
    pub(crate) token: String,
}

/// What signs.
#[derive(Clone)]
pub(crate) struct Key(EncodingKey, Algorithm);

impl Forge {
    /// What is needed against one server. The API key server is shown the tokens of the JWT
    /// server's form.
    pub(crate) fn for_side(
        world: &World,
        side: &Side,
        stranger: &keygen::rsa::RsaPair,
        trap: &str,
    ) -> Self {
        let public_pem = read(&world.keys.join("rsa_public.pem"));
        let (own, verifying) = match side.kind {
            Kind::ApiKey | Kind::Jwt => {
                let secret = read(&world.keys.join("jwt.secret"));
                (Key::secret(&secret), secret)
            }
            Kind::Rbac => {
                (Key::rsa(&read(&world.keys.join("rsa_private.pem"))), public_pem.clone())
            }
        };
        let source = match side.kind {
            Kind::ApiKey => world.side(Kind::Jwt),
            Kind::Jwt | Kind::Rbac => side,
        };
        let [token, other_token] =
            [&source.bob, &source.alice].map(|one| one.secret().expose_secret().to_owned());
        let public_der = der(&public_pem);
        let stranger_der = der(&stranger.public_pem);
        let claims = part(&token, 1);
        Self {
            header: part(&token, 0),
            next: Next::of(side.kind, &claims, stranger),
            verifying,
            claims,
            token,
            other_token,
            own,
            public_jwk: jwk(&public_der).to_string().into_bytes(),
            public_pem: public_pem.into_bytes(),
            public_der,
            stranger: Key::rsa(&stranger.private_pem),
            stranger_jwk: jwk(&stranger_der),
            stranger_der,
            trap: trap.to_owned(),
            client: Client::of(world, "bob"),
            other_client: Client::of(world, "alice"),
            store: world.store.clone(),
            made: RefCell::default(),
        }
    }

    /// What must come back in no answer, and stand in no log.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let clients = [&self.client, &self.other_client].map(|client| client.secret.clone());
        let made = self.made.borrow();
        [self.token.clone(), self.other_token.clone(), self.next.token.clone()]
            .into_iter()
            .chain(clients)
            .chain(made.iter().cloned())
            .collect()
    }

    /// Remembers a secret that was made for one row.
    pub(crate) fn keep(&self, secret: &str) {
        self.made.borrow_mut().push(secret.to_owned());
    }

    /// The good header with some members changed; `Null` removes one.
    pub(crate) fn header_with(&self, changes: Value) -> String {
        changed(&self.header, changes)
    }

    /// The good claims with some changed; `Null` removes one.
    pub(crate) fn claims_with(&self, changes: Value) -> String {
        changed(&self.claims, changes)
    }

    /// Bob's claims with changes, signed as the server's own issuer would.
    pub(crate) fn signed(&self, changes: Value) -> String {
        self.own.sign(&self.header.to_string(), &self.claims_with(changes))
    }

    /// The same with claims that are no `Value`, such as one given as text.
    pub(crate) fn signed_text(&self, claims: &str) -> String {
        self.own.sign(&self.header.to_string(), claims)
    }

    /// Bob's claims under another header, signed by the attacker.
    pub(crate) fn by_stranger(&self, header: Value) -> String {
        let header = self.header_with(json!({ "alg": "RS256" }).merged(header));
        self.stranger.sign(&header, &self.claims.to_string())
    }
}

impl Next {
    fn of(kind: Kind, claims: &Value, stranger: &keygen::rsa::RsaPair) -> Self {
        let claims: Claims = serde_json::from_value(claims.clone()).unwrap();
        let (signer, verifying) = match kind {
            Kind::ApiKey | Kind::Jwt => {
                let secret = new_hs256_secret();
                (Signer::hs256(&secret).unwrap(), secret.to_string())
            }
            Kind::Rbac => {
                (Signer::rs256(&stranger.private_pem).unwrap(), stranger.public_pem.clone())
            }
        };
        Self { token: signer.mint(&claims), verifying }
    }
}

impl Client {
    fn of(world: &World, user: &str) -> Self {
        let file = read(&world.keys.join(format!("clients/{user}.client.json")));
        let file: Value = serde_json::from_str(&file).unwrap();
        let [id, secret] =
            ["client_id", "client_secret"].map(|name| file[name].as_str().unwrap().to_owned());
        Self { id, secret }
    }
}

impl Key {
    /// HS256 under these bytes, whatever they are.
    pub(crate) fn bytes(secret: &[u8]) -> Self {
        Self(EncodingKey::from_secret(secret), Algorithm::HS256)
    }

    fn secret(base64url: &str) -> Self {
        Self::bytes(&URL_SAFE_NO_PAD.decode(base64url.trim()).unwrap())
    }

    fn rsa(pem: &str) -> Self {
        // PKCS#8 wraps PKCS#1, which is what is taken here, in 26 bytes at these sizes.
        Self(EncodingKey::from_rsa_der(&der(pem)[26..]), Algorithm::RS256)
    }

    /// The same key with the 512-bit member of its family, and that member's name.
    pub(crate) fn wider(&self) -> (Self, &'static str) {
        match self.1 {
            Algorithm::HS256 => (Self(self.0.clone(), Algorithm::HS512), "HS512"),
            _ => (Self(self.0.clone(), Algorithm::RS512), "RS512"),
        }
    }

    /// The name of the other family.
    pub(crate) fn other_family(&self) -> &'static str {
        if self.1 == Algorithm::HS256 { "RS256" } else { "HS256" }
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let message = unsigned(header, claims);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.0, self.1).unwrap();
        format!("{message}.{signature}")
    }
}

/// Header and claims, without the second dot.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// One object over another.
pub(crate) trait Merged {
    fn merged(self, over: Value) -> Value;
}

impl Merged for Value {
    fn merged(mut self, over: Value) -> Value {
        for (name, value) in over.as_object().unwrap() {
            self[name] = value.clone();
        }
        self
    }
}

fn changed(object: &Value, changes: Value) -> String {
    let mut object = object.clone().merged(changes);
    object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    object.to_string()
}

fn part(token: &str, index: usize) -> Value {
    let text = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn jwk(der: &[u8]) -> Value {
    let key = DecodingKey::from_rsa_der(der);
    let jwk = jsonwebtoken::jwk::Jwk::from_decoding_key(&key, Some(Algorithm::RS256)).unwrap();
    serde_json::to_value(jwk).unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
