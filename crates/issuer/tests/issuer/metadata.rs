//! Where everything is (RFC 8414), and that it is there.

use axum::body::Body;
use http::Request;

use crate::endpoint::{GRANT, ISSUER, endpoint, post_to, refused};

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
        "revocation_endpoint": "http://127.0.0.1:8102/revoke",
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["weather:read"],
        "code_challenge_methods_supported": ["S256"],
    });
    assert_eq!(answer.body, expected);
    let authorize = endpoint.send(get("/authorize?response_type=code")).await;
    refused(&authorize, 400, "unsupported_response_type");
}

#[tokio::test]
async fn every_endpoint_that_is_named_answers() {
    let endpoint = endpoint();
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let metadata = endpoint.send(get("/.well-known/oauth-authorization-server")).await.body;
    for name in ["token_endpoint", "revocation_endpoint"] {
        let path = metadata[name].as_str().unwrap().strip_prefix(ISSUER).unwrap().to_owned();
        let answer =
            endpoint.send(post_to(&path, format!("{GRANT}&token=x").as_bytes(), &[])).await;
        refused(&answer, 401, "invalid_client");
        assert_eq!(endpoint.send(get(&path)).await.status, 405, "{path}");
    }
    // What a document from elsewhere says about this server counts for nothing.
    let mut spoofed = get("/.well-known/oauth-authorization-server");
    spoofed.headers_mut().insert("host", "evil.example".parse().unwrap());
    spoofed.headers_mut().insert("x-forwarded-host", "evil.example".parse().unwrap());
    assert_eq!(endpoint.send(spoofed).await.body, metadata);
}
