//! One user and how each scheme knows him, with good credentials and bad ones.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use jiff::{Timestamp, ToSpan};
use mcp_auth::authn::apikey::{ApiKeys, PlainKey};
use mcp_auth::authn::credential::X_API_KEY;
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::authn::jwt::{Claims, JwtVerifier, KeySet, Rules, Signer, VerifyingKey};
use store::{NewKey, Store};
use tempfile::TempDir;

use crate::keys::{open, temporary_folder};

pub(crate) const USER: &str = "bob";
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "http://127.0.0.1:8101/mcp";

/// Everything that is measured against.
pub(crate) struct Caller {
    pub(crate) api_keys: ApiKeys<Store>,
    pub(crate) hs256: JwtVerifier<KeySet>,
    pub(crate) rs256: JwtVerifier<KeySet>,
    pub(crate) good: Good,
    pub(crate) bad_keys: [Bad; 3],
    pub(crate) bad_hs256: [Bad; 3],
    pub(crate) bad_rs256: [Bad; 3],
    pub(crate) hs256_secret: String,
    pub(crate) hs256_token: String,
    pub(crate) rs256_public_pem: String,
    pub(crate) rs256_token: String,
    /// Holds the store. Dropped after it.
    _folder: TempDir,
}

/// Heads of requests that are let in.
pub(crate) struct Good {
    pub(crate) api_key: Parts,
    pub(crate) hs256: Parts,
    pub(crate) rs256: Parts,
}

/// The head of a request that is turned away.
pub(crate) struct Bad {
    pub(crate) name: &'static str,
    pub(crate) head: Parts,
}

impl Caller {
    pub(crate) fn new() -> Self {
        let folder = temporary_folder();
        let store = open(&folder);
        let (key, bad_keys) = keys(&store);

        let secret = new_hs256_secret();
        let hs256_signer = Signer::hs256(&secret).expect("32 bytes are long enough");
        let hs256_key = VerifyingKey::hs256(&secret).expect("32 bytes are long enough");
        let pair = keygen::rsa::generate(2048).expect("the system has randomness");
        let rs256_signer = Signer::rs256(&pair.private_pem).expect("2048 bits are enough");
        let rs256_key = VerifyingKey::rs256(&pair.public_pem).expect("2048 bits are enough");
        let hs256_token = hs256_signer.mint(&claims());
        let rs256_token = rs256_signer.mint(&claims());

        Self {
            // As in jwt-server, which asks whether a token was taken back.
            hs256: JwtVerifier::new(hs256_key.into(), Rules::new(ISSUER, AUDIENCE))
                .with_revocations(Arc::new(store.clone())),
            api_keys: ApiKeys::new(store, false),
            rs256: JwtVerifier::new(rs256_key.into(), Rules::new(ISSUER, AUDIENCE)),
            good: Good {
                api_key: key_head(key.reveal()),
                hs256: token_head(&hs256_token),
                rs256: token_head(&rs256_token),
            },
            bad_keys,
            bad_hs256: bad_tokens(&hs256_signer),
            bad_rs256: bad_tokens(&rs256_signer),
            hs256_secret: secret.to_string(),
            hs256_token,
            rs256_public_pem: pair.public_pem,
            rs256_token,
            _folder: folder,
        }
    }
}

/// The head of a request with an API key.
pub(crate) fn key_head(key: &str) -> Parts {
    head(X_API_KEY, key)
}

fn token_head(token: &str) -> Parts {
    head(http::header::AUTHORIZATION, &format!("Bearer {token}"))
}

fn head(name: HeaderName, value: &str) -> Parts {
    let value = HeaderValue::from_str(value).expect("credentials are ASCII");
    let request = Request::post("/mcp").header(name, value).body(());
    request.expect("path and header are well-formed").into_parts().0
}

fn keys(store: &Store) -> (PlainKey, [Bad; 3]) {
    let [good, unknown, wrong] = [PlainKey::mint(), PlainKey::mint(), PlainKey::mint()];
    let keep = |key: NewKey| store.insert_key(key).expect("the store was just made");
    keep(NewKey::of(&good, USER, "Bob Personal Key"));
    // To the store, whoever presents `wrong` has the right id with another secret.
    let digest = PlainKey::mint().digest();
    keep(NewKey { digest, ..NewKey::of(&wrong, USER, "Bob Personal Key") });

    // The last of its characters belongs to the checksum.
    let misspelt = with_another_character(good.reveal(), good.reveal().len() - 1);
    let bad = [
        Bad { name: "misspelt", head: key_head(&misspelt) },
        Bad { name: "unknown", head: key_head(unknown.reveal()) },
        Bad { name: "wrong secret", head: key_head(wrong.reveal()) },
    ];
    (good, bad)
}

/// The same claims for HS256 and RS256, so that only the algorithm differs.
fn claims() -> Claims {
    let now = Timestamp::now();
    Claims {
        iss: ISSUER.to_owned(),
        sub: USER.to_owned(),
        aud: AUDIENCE.into(),
        // Longer than any run of the benches.
        exp: (now + 12.hours()).as_second(),
        iat: Some(now.as_second()),
        jti: Some("0192f0c1-2b3c-7d4e-8f50-61728394a5b6".to_owned()),
        client_id: Some("bob-laptop".to_owned()),
        scope: Some("weather:read payments:read".to_owned()),
        job_role: Some("Manager".to_owned()),
        id: Some("1".to_owned()),
        name: Some("Bob Personal Key".to_owned()),
        ..Claims::default()
    }
}

fn bad_tokens(signer: &Signer) -> [Bad; 3] {
    let token = signer.mint(&claims());
    // In the middle of the signature: a change at its start could make a number of it that is
    // larger than the key, and that is refused without any arithmetic.
    let signature = token.rfind('.').expect("a token has three parts");
    let forged = with_another_character(&token, (signature + token.len()) / 2);

    let end = Timestamp::now() - 1.hours();
    let issued = (end - 1.hours()).as_second();
    let expired = Claims { exp: end.as_second(), iat: Some(issued), ..claims() };
    [
        Bad { name: "expired", head: token_head(&signer.mint(&expired)) },
        Bad { name: "forged", head: token_head(&forged) },
        Bad { name: "no token", head: token_head("garbage") },
    ]
}

fn with_another_character(text: &str, at: usize) -> String {
    let other = if text[at..].starts_with('0') { '1' } else { '0' };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
