//! A token endpoint with two clients, and what it answers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use issuer::{Issuer, IssuerConfig};
use mcp_auth::authn::client::{ClientLookup, ClientRecord, PlainClient};
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::authn::jwt::{
    JwtVerifier, KeySet, Revocations, Revoke, RevokedToken, Rules, Signer, TokenName, VerifyingKey,
};
use mcp_auth::{Live, Rejection};
use serde_json::Value;
use tower::ServiceExt;
use zeroize::Zeroizing;

pub(crate) const ISSUER: &str = "http://127.0.0.1:8102";
pub(crate) const RESOURCE: &str = "http://127.0.0.1:8102/mcp";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";
pub(crate) const GRANT: &str = "grant_type=client_credentials";

pub(crate) struct Endpoint {
    pub(crate) router: Router,
    /// What the protected server would say of a token.
    pub(crate) verifier: JwtVerifier<Live<KeySet>>,
    pub(crate) signing_secret: Zeroizing<String>,
    pub(crate) revoked: Arc<List>,
    pub(crate) id: String,
    pub(crate) secret: String,
    /// Another client, of alice's.
    pub(crate) other: PlainClient,
}

/// What differs from test to test.
pub(crate) struct Setup {
    pub(crate) record: ClientRecord,
    pub(crate) change: Box<dyn FnOnce(Issuer<Clients>) -> Issuer<Clients>>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

pub(crate) struct Clients(HashMap<String, Arc<ClientRecord>>);

/// Names of revoked tokens, in memory alone; or it cannot be reached.
#[derive(Default)]
pub(crate) struct List {
    pub(crate) tokens: Mutex<Vec<RevokedToken>>,
    pub(crate) unreachable: Mutex<HashSet<&'static str>>,
}

impl ClientLookup for Clients {
    async fn find_client(&self, id: &str) -> Result<Option<Arc<ClientRecord>>, Rejection> {
        Ok(self.0.get(id).cloned())
    }
}

impl List {
    fn reach(&self, what: &str) -> Result<(), Rejection> {
        if self.unreachable.lock().unwrap().contains(what) {
            return Err(Rejection::unavailable(Duration::ZERO, "the disk is full"));
        }
        Ok(())
    }
}

impl Revocations for List {
    fn is_revoked(&self, token: TokenName<'_>) -> Result<bool, Rejection> {
        self.reach("reading")?;
        Ok(self.tokens.lock().unwrap().iter().any(|kept| Some(&*kept.jti) == token.jti))
    }
}

impl Revoke for List {
    fn revoke(&self, token: RevokedToken) -> Result<(), Rejection> {
        self.reach("writing")?;
        self.tokens.lock().unwrap().push(token);
        Ok(())
    }
}

pub(crate) fn endpoint() -> Endpoint {
    endpoint_with(|_| ())
}

pub(crate) fn endpoint_with(change: impl FnOnce(&mut Setup)) -> Endpoint {
    let (plain, other) = (PlainClient::mint(), PlainClient::mint());
    let record = |client: &PlainClient, user: &str| ClientRecord {
        id: client.id().to_owned(),
        digest: client.digest(),
        user: user.to_owned(),
        user_number: Some("1".to_owned()),
        name: Some("Bob".to_owned()),
        scopes: vec!["weather:read".to_owned(), "shopping:read".to_owned()],
        revoked: false,
    };
    let mut setup = Setup { record: record(&plain, "bob"), change: Box::new(|issuer| issuer) };
    change(&mut setup);
    let config = IssuerConfig {
        issuer: ISSUER.to_owned(),
        audience: RESOURCE.to_owned(),
        resource: RESOURCE.to_owned(),
        public_url: ISSUER.to_owned(),
        token_ttl: Duration::from_secs(3600),
        scopes_supported: vec!["weather:read".to_owned()],
    };
    let signing_secret = new_hs256_secret();
    let revoked = Arc::<List>::default();
    let verifier = || {
        let key = VerifyingKey::hs256(&signing_secret).expect("a fresh secret is long enough");
        JwtVerifier::new(Live::from(KeySet::from(key)), Rules::new(ISSUER, RESOURCE))
            .with_revocations(revoked.clone())
    };
    let clients = [record(&other, "alice"), setup.record];
    let clients = clients.into_iter().map(|record| (record.id.clone(), Arc::new(record)));
    let signer = Signer::hs256(&signing_secret).expect("a fresh secret is long enough");
    let issuer = Issuer::new(config, signer, Clients(clients.collect()))
        .with_revocation(verifier(), revoked.clone());
    Endpoint {
        router: (setup.change)(issuer).router(),
        verifier: verifier(),
        signing_secret,
        revoked,
        id: plain.id().to_owned(),
        secret: plain.reveal_secret().to_owned(),
        other,
    }
}

impl Endpoint {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("the body is in memory").to_bytes();
        let text = String::from_utf8(body.to_vec()).expect("answers are text");
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: head.status, headers: head.headers, text, body }
    }

    /// With the right secret by Basic.
    pub(crate) async fn basic(&self, body: &str) -> Answer {
        self.basic_as(&self.id, &self.secret, body).await
    }

    pub(crate) async fn basic_as(&self, id: &str, secret: &str, body: &str) -> Answer {
        self.send(post(body, &[(AUTHORIZATION.as_str(), &basic_value(id, secret))])).await
    }

    /// With the right secret in the body.
    pub(crate) async fn in_body(&self, rest: &str) -> Answer {
        let Self { id, secret, .. } = self;
        self.send(post(&format!("client_id={id}&client_secret={secret}{rest}"), &[])).await
    }

    pub(crate) async fn token(&self) -> String {
        self.token_of(&self.id, &self.secret).await
    }

    pub(crate) async fn token_of(&self, id: &str, secret: &str) -> String {
        let answer = self.basic_as(id, secret, GRANT).await;
        answer.body["access_token"].as_str().expect(&answer.text).to_owned()
    }
}

pub(crate) fn basic_value(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub(crate) fn post(body: &str, headers: &[(&str, &str)]) -> Request<Body> {
    post_to("/token", body.as_bytes(), headers)
}

pub(crate) fn post_to(target: &str, body: &[u8], headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(target);
    if !headers.iter().any(|(name, _)| *name == CONTENT_TYPE.as_str()) {
        request = request.header(CONTENT_TYPE, FORM);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_vec())).expect("the request is well-formed")
}

#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, error: &str) {
    let told = (answer.status.as_u16(), answer.body["error"].as_str());
    assert_eq!(told, (status, Some(error)), "{}", answer.text);
    let description = answer.body["error_description"].as_str().expect("a sentence");
    assert!(description.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'));
    assert_eq!(answer.headers[CONTENT_TYPE], JSON);
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers[PRAGMA], "no-cache");
    assert_eq!(answer.headers.contains_key(WWW_AUTHENTICATE), status == 401);
    assert!(answer.body.get("access_token").is_none());
}
