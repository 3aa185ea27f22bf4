//! The three servers as their programs put them together, and the same tools without a door.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::{Extension, Router};
use http::StatusCode;
use http::header::AUTHORIZATION;
use jiff::{Timestamp, ToSpan};
use mcp_auth::Identity;
use mcp_auth::authn::apikey::PlainKey;
use mcp_auth::authn::credential::X_API_KEY;
use mcp_auth::authn::jwt::{Claims, Signer};
use mcp_auth::authz::Policy;
use mcp_auth::guard::front::Front;
use serve::{Audit, Drain};
use tools::{Kit, Records, ToolServer, Weather};

use crate::answer::read;
use crate::call::Call;
use crate::issuer::{self, router, url};

/// One server, with a call that it lets in and one that it turns away.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) router: Router,
    pub(crate) good: Call,
    pub(crate) bad: Call,
}

/// The three servers with all that they make at a first run.
pub(crate) async fn doors(folder: &Path) -> [Door; 3] {
    [apikey(&folder.join("apikey")), jwt(&folder.join("jwt")).await, rbac(&folder.join("rbac"))]
}

/// All layers that do not ask who is calling, and a Permit for everything in their place.
pub(crate) fn unprotected() -> Door {
    let records = Records::in_memory(store::KEY_ISSUER).expect("SQLite needs no file for this");
    let server = ToolServer::new("unprotected", Kit::personal(Weather::sample()), records);
    let policy = Arc::new(Policy::grants_only(server.catalogue()));
    let drain = Drain::new();
    let (config, sessions) = serve::mcp(&drain);
    let routes = Router::new()
        .route_service("/mcp", server.endpoint(config, sessions))
        .layer(Extension(policy.permit(Arc::new(anybody()))));
    let router = serve::Outer::new(Front::new(url().uri(), true)).around(routes, &drain).router;
    let call = Call::without_credential;
    Door { name: "unprotected", router, good: call(), bad: call() }
}

/// The API-key server with metrics. From then on all doors of this process are counted.
pub(crate) fn counted(folder: &Path) -> Door {
    let metrics = Some(([127, 0, 0, 1], 0).into());
    let door = apikey_with(&folder.join("counted"), |common| common.metrics = metrics);
    Door { name: "apikey, counted", ..door }
}

/// The API-key server with an audit file.
pub(crate) fn audited(folder: &Path) -> Door {
    let keys = folder.join("audited");
    let audit = Audit { audit_file: Some(keys.join("audit.log")), ..Audit::default() };
    Door { name: "apikey, audited", ..apikey_with(&keys, |common| common.audit = audit) }
}

fn apikey(keys: &Path) -> Door {
    apikey_with(keys, |_| ())
}

fn apikey_with(keys: &Path, change: impl FnOnce(&mut serve::Options)) -> Door {
    let mut options = apikey_server::Options::new(keys);
    options.common.put_limits_out_of_reach();
    change(&mut options.common);
    let router = router::<apikey_server::Prepared>(&options);
    let key = fs::read_to_string(keys.join("clients/bob.apikey")).expect("the server made it");
    Door {
        name: "apikey",
        router,
        good: Call::with(X_API_KEY, key.trim()),
        bad: Call::with(X_API_KEY, PlainKey::mint().reveal()),
    }
}

async fn jwt(keys: &Path) -> Door {
    let (router, client) = issuer::start(keys);
    let token = token_of(&router, &client).await;
    Door { name: "jwt hs256", router, good: bearer(&token), bad: bearer(&forged(&token)) }
}

fn rbac(keys: &Path) -> Door {
    let pair = keygen::rsa::generate(2048).expect("the system has randomness");
    mcp_auth::secret::write_public(&keys.join("rsa_public.pem"), &pair.public_pem, false)
        .expect("the folder is ours");
    let mut options = rbac_server::Options::new(keys);
    options.common.put_limits_out_of_reach();
    let router = router::<rbac_server::Prepared>(&options);
    let signer = Signer::rs256(&pair.private_pem).expect("2048 bits are enough");
    let token = signer.mint(&manager());
    Door { name: "jwt rs256", router, good: bearer(&token), bad: bearer(&forged(&token)) }
}

/// Fetches a token as `jwt-client` does.
async fn token_of(router: &Router, client: &str) -> String {
    let answer = read(router, issuer::token_request(client)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("it is JSON");
    answer["access_token"].as_str().expect("a granted request has a token").to_owned()
}

fn bearer(token: &str) -> Call {
    Call::with(AUTHORIZATION, &format!("Bearer {token}"))
}

/// Another character in the middle of the signature.
fn forged(token: &str) -> String {
    let signature = token.rfind('.').expect("a token has three parts");
    let at = (signature + token.len()) / 2;
    let other = if token[at..].starts_with('0') { '1' } else { '0' };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

fn manager() -> Claims {
    let now = Timestamp::now();
    Claims {
        iss: rbac_server::DEFAULT_ISSUER.to_owned(),
        sub: "bob".to_owned(),
        aud: rbac_server::DEFAULT_AUDIENCE.into(),
        // Longer than any run of the benches.
        exp: (now + 12.hours()).as_second(),
        iat: Some(now.as_second()),
        jti: Some("0192f0c1-2b3c-7d4e-8f50-61728394a5b6".to_owned()),
        client_id: Some("bob-laptop".to_owned()),
        job_role: Some("Manager".to_owned()),
        ..Claims::default()
    }
}

fn anybody() -> Identity {
    Identity {
        scheme: "none",
        issuer: store::KEY_ISSUER.to_owned(),
        user: "bob".to_owned(),
        user_number: None,
        name: None,
        client: "benches".to_owned(),
        credential: "none".to_owned(),
        roles: Vec::new(),
        scopes: Vec::new(),
        grants: vec!["*".to_owned()],
        read_only: false,
        rate: None,
        issued: None,
        key: None,
        expires: None,
    }
}
