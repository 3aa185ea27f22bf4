//! The endpoints as a client meets them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use issuer::{Issuer, IssuerConfig};
use mcp_auth::Rejection;
use mcp_auth::authn::client::{ClientLookup, ClientRecord, PlainClient};
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::authn::jwt::{JwtVerifier, KeySet, Rules, Signer, VerifyingKey};
use serde_json::Value;
use tower::ServiceExt;

const ISSUER: &str = "http://127.0.0.1:8102";
const RESOURCE: &str = "http://127.0.0.1:8102/mcp";
const FORM: &str = "application/x-www-form-urlencoded";

struct Clients(HashMap<String, Arc<ClientRecord>>);

impl ClientLookup for Clients {
    async fn find_client(&self, id: &str) -> Result<Option<Arc<ClientRecord>>, Rejection> {
        Ok(self.0.get(id).cloned())
    }
}

struct Endpoint {
    router: Router,
    verifier: JwtVerifier<KeySet>,
    id: String,
    secret: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

fn endpoint() -> Endpoint {
    endpoint_with(|_| ())
}

fn endpoint_with(change: impl FnOnce(&mut ClientRecord)) -> Endpoint {
    let plain = PlainClient::mint();
    let mut record = ClientRecord {
        id: plain.id().to_owned(),
        digest: plain.digest(),
        user: "bob".to_owned(),
        user_number: Some("1".to_owned()),
        name: Some("Bob".to_owned()),
        scopes: vec!["weather:read".to_owned(), "shopping:read".to_owned()],
        revoked: false,
    };
    change(&mut record);
    let secret = new_hs256_secret();
    let config = IssuerConfig {
        issuer: ISSUER.to_owned(),
        audience: RESOURCE.to_owned(),
        resource: RESOURCE.to_owned(),
        public_url: ISSUER.to_owned(),
        token_ttl: Duration::from_secs(3600),
        scopes_supported: vec!["weather:read".to_owned()],
    };
    let clients = Clients(HashMap::from([(record.id.clone(), Arc::new(record))]));
    let signer = Signer::hs256(&secret).expect("a fresh secret is long enough");
    let key = VerifyingKey::hs256(&secret).expect("a fresh secret is long enough");
    Endpoint {
        router: Issuer::new(config, signer, clients).router(),
        verifier: JwtVerifier::new(KeySet::from(key), Rules::new(ISSUER, RESOURCE)),
        id: plain.id().to_owned(),
        secret: plain.reveal_secret().to_owned(),
    }
}

impl Endpoint {
    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("the body is in memory").to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// With the right secret by Basic.
    async fn basic(&self, body: &str) -> Answer {
        self.basic_as(&self.id, &self.secret, body).await
    }

    async fn basic_as(&self, id: &str, secret: &str, body: &str) -> Answer {
        let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        self.send(post(body, &[(AUTHORIZATION.as_str(), &value)])).await
    }

    /// With the right secret in the body.
    async fn in_body(&self, rest: &str) -> Answer {
        let Self { id, secret, .. } = self;
        self.send(post(&format!("client_id={id}&client_secret={secret}{rest}"), &[])).await
    }
}

fn post(body: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/token");
    if !headers.iter().any(|(name, _)| *name == CONTENT_TYPE.as_str()) {
        request = request.header(CONTENT_TYPE, FORM);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).expect("the request is well-formed")
}

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), answer.body["error"].as_str()), (status, Some(error)));
    let description = answer.body["error_description"].as_str().expect("a sentence");
    assert!(description.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'));
    assert_eq!(answer.headers[CONTENT_TYPE], "application/json");
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    assert!(answer.body.get("access_token").is_none());
}

#[tokio::test]
async fn a_client_gets_a_token_that_the_server_takes() {
    let endpoint = endpoint();
    for answer in [
        endpoint.basic("grant_type=client_credentials").await,
        endpoint.in_body("&grant_type=client_credentials&unknown=1").await,
    ] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers[CONTENT_TYPE], "application/json");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[PRAGMA], "no-cache");
        assert_eq!(answer.body["token_type"], "Bearer");
        assert_eq!(answer.body["expires_in"], 3600);
        assert_eq!(answer.body["scope"], "weather:read shopping:read");
        assert!(answer.body.get("refresh_token").is_none());
        let token = answer.body["access_token"].as_str().unwrap();
        let identity = endpoint.verifier.verify(token).unwrap();
        assert_eq!(identity.owner(), (ISSUER, "bob"));
        assert_eq!(identity.user_number.as_deref(), Some("1"));
        assert_eq!(identity.client, endpoint.id);
        assert_eq!(identity.scopes, ["weather:read", "shopping:read"]);
        assert!(!identity.credential.is_empty());
    }
}

#[tokio::test]
async fn fewer_scopes_can_be_asked_for_and_no_others() {
    let endpoint = endpoint();
    let ask = async |scope: &str| {
        endpoint.basic(&format!("grant_type=client_credentials&scope={scope}")).await
    };
    assert_eq!(ask("weather%3Aread").await.body["scope"], "weather:read");
    assert_eq!(ask("").await.body["scope"], "weather:read shopping:read");
    refused(&ask("shopping:remove").await, 400, "invalid_scope");
    refused(&ask("weather:read+shopping:remove").await, 400, "invalid_scope");
    refused(&ask("no:such").await, 400, "invalid_scope");
}

#[tokio::test]
async fn a_client_without_scopes_gets_none() {
    let endpoint = endpoint_with(|record| record.scopes.clear());
    let answer = endpoint.basic("grant_type=client_credentials").await;
    let token = answer.body["access_token"].as_str().unwrap();
    assert!(endpoint.verifier.verify(token).unwrap().scopes.is_empty());
    assert!(answer.body.get("scope").is_none());
}

#[tokio::test]
async fn unknown_wrong_and_revoked_are_told_the_same() {
    let endpoint = endpoint();
    let grant = "grant_type=client_credentials";
    let unknown = endpoint.basic_as("nobody", &endpoint.secret, grant).await;
    refused(&unknown, 401, "invalid_client");
    assert_eq!(unknown.headers[WWW_AUTHENTICATE], "Basic realm=\"token\"");
    let wrong = endpoint.basic_as(&endpoint.id, "wrong", grant).await;
    let revoked = endpoint_with(|record| record.revoked = true);
    let revoked = revoked.basic(grant).await;
    for answer in [wrong, revoked] {
        refused(&answer, 401, "invalid_client");
        assert_eq!(but_trace(&answer.body), but_trace(&unknown.body));
        assert_ne!(answer.body["trace_id"], unknown.body["trace_id"]);
        assert_eq!(answer.headers.len(), unknown.headers.len());
        for name in [WWW_AUTHENTICATE, CACHE_CONTROL, CONTENT_TYPE] {
            assert_eq!(answer.headers[&name], unknown.headers[&name]);
        }
    }
    let nothing = endpoint.send(post(grant, &[])).await;
    refused(&nothing, 401, "invalid_client");
    let bearer = [(AUTHORIZATION.as_str(), "Bearer abc")];
    refused(&endpoint.send(post(grant, &bearer)).await, 401, "invalid_client");
}

/// All of a refusal but what names the one request.
fn but_trace(body: &serde_json::Value) -> serde_json::Value {
    let mut body = body.clone();
    let object = body.as_object_mut().expect("an object");
    object.remove("trace_id").expect("a refusal names its request");
    body
}

#[tokio::test]
async fn a_client_authenticates_in_one_way() {
    let endpoint = endpoint();
    let Endpoint { id, secret, .. } = &endpoint;
    let grant = "grant_type=client_credentials";
    let both = endpoint.basic(&format!("{grant}&client_id={id}&client_secret={secret}")).await;
    refused(&both, 400, "invalid_request");
    let other = endpoint.basic(&format!("{grant}&client_id=other")).await;
    refused(&other, 400, "invalid_request");
    assert_eq!(endpoint.basic(&format!("{grant}&client_id={id}")).await.status, 200);
    let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let header = (AUTHORIZATION.as_str(), value.as_str());
    refused(&endpoint.send(post(grant, &[header, header])).await, 400, "invalid_request");
    let in_query = Request::post(format!("/token?client_id={id}&client_secret={secret}&{grant}"))
        .header(CONTENT_TYPE, FORM);
    let answer = endpoint.send(in_query.body(Body::empty()).unwrap()).await;
    refused(&answer, 400, "invalid_request");
}

#[tokio::test]
async fn basic_halves_are_form_encoded() {
    let odd = "id with space:100%&=+";
    let endpoint = endpoint_with(|record| odd.clone_into(&mut record.id));
    let encoded: String = form_urlencoded::byte_serialize(odd.as_bytes()).collect();
    let answer =
        endpoint.basic_as(&encoded, &endpoint.secret, "grant_type=client_credentials").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn only_one_grant_is_offered() {
    let endpoint = endpoint();
    refused(&endpoint.basic("scope=weather:read").await, 400, "invalid_request");
    refused(&endpoint.basic("grant_type=").await, 400, "invalid_request");
    for other in ["password", "authorization_code", "Client_Credentials", "refresh_token"] {
        let answer = endpoint.basic(&format!("grant_type={other}")).await;
        refused(&answer, 400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn a_parameter_is_sent_once() {
    let endpoint = endpoint();
    for body in [
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=weather:read&scope=shopping:read",
        "grant_type=client_credentials&scope=&scope=shopping:read",
    ] {
        refused(&endpoint.basic(body).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn tokens_are_for_this_server_alone() {
    let endpoint = endpoint();
    let ask = async |resources: &[&str]| {
        let mut body = "grant_type=client_credentials".to_owned();
        for resource in resources {
            body.push_str("&resource=");
            body.extend(form_urlencoded::byte_serialize(resource.as_bytes()));
        }
        endpoint.basic(&body).await
    };
    for ours in [&[RESOURCE][..], &["HTTP://127.0.0.1:8102/mcp"], &[RESOURCE, RESOURCE], &[""]] {
        assert_eq!(ask(ours).await.status, 200, "{ours:?}");
    }
    for other in [
        &["https://other.example/mcp"][..],
        &[RESOURCE, "https://other.example/mcp"],
        &["http://127.0.0.1:8102/mcp#fragment"],
        &["http://127.0.0.1:8102/mcp/"],
        &["/mcp"],
    ] {
        refused(&ask(other).await, 400, "invalid_target");
    }
}

#[tokio::test]
async fn only_a_form_sent_with_post_is_read() {
    let endpoint = endpoint();
    let Endpoint { id, secret, .. } = &endpoint;
    let json = format!(
        r#"{{"grant_type":"client_credentials","client_id":"{id}","client_secret":"{secret}"}}"#
    );
    let json = endpoint.send(post(&json, &[(CONTENT_TYPE.as_str(), "application/json")])).await;
    refused(&json, 400, "invalid_request");
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let charset = [(CONTENT_TYPE.as_str(), "Application/X-WWW-Form-Urlencoded; charset=UTF-8")];
    assert_eq!(endpoint.send(post(&form, &charset)).await.status, 200);
    let untyped = Request::post("/token").body(Body::from(form.clone())).unwrap();
    refused(&endpoint.send(untyped).await, 400, "invalid_request");

    let get = endpoint.send(Request::get("/token").body(Body::empty()).unwrap()).await;
    refused(&get, 405, "invalid_request");
    assert_eq!(get.headers["allow"], "POST");

    let large = format!("{form}&unknown={}", "x".repeat(issuer::MAX_BODY));
    refused(&endpoint.send(post(&large, &[])).await, 413, "invalid_request");
}

#[tokio::test]
async fn the_metadata_names_what_there_is() {
    let endpoint = endpoint();
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let answer = endpoint.send(get("/.well-known/oauth-authorization-server")).await;
    assert_eq!(answer.status, 200);
    let expected = serde_json::json!({
        "issuer": ISSUER,
        "authorization_endpoint": "http://127.0.0.1:8102/authorize",
        "token_endpoint": "http://127.0.0.1:8102/token",
        "response_types_supported": ["code"],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["weather:read"],
        "code_challenge_methods_supported": ["S256"],
    });
    assert_eq!(answer.body, expected);
    let authorize = endpoint.send(get("/authorize?response_type=code")).await;
    refused(&authorize, 400, "unsupported_response_type");
}
