//! A session of the older protocol that nobody uses comes to an end.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use mcp_auth::authn::apikey::OneKey;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authz::Policy;
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::peek::Peek;
use mcp_auth::guard::session::{IDLE, SESSION_ID, Sessions};
use mcp_auth::{Challenge, Identity};
use tools::{Kit, Records, ToolServer};
use tower::{Service, ServiceBuilder, ServiceExt};

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_is_gone_and_a_used_one_is_not() {
    assert_eq!(IDLE, Duration::from_secs(5 * 60));
    let tools = ToolServer::new("idle", Kit::business(), Records::in_memory("idle").unwrap());
    let policy = Arc::new(Policy::grants_only(tools.catalogue()));
    let (config, mut sessions) = serve::mcp(&serve::Drain::new());
    assert_eq!(sessions.session_config.keep_alive, Some(IDLE));
    // The same stack as in the servers, with a shorter patience.
    sessions.session_config.keep_alive = Some(Duration::from_millis(1500));
    let key = OneKey::new(KEY, Identity::new("apikey", "idle", "bob"), false).unwrap();
    let stack = ServiceBuilder::new()
        .layer(Authenticate::new(key, Challenge::default()))
        .layer(Peek)
        .layer(Sessions::new().layer())
        .layer(Authorize::layer(policy, Challenge::default()))
        .service(tools.endpoint(config, sessions));

    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let (status, session) = post(&stack, None, initialize).await;
    assert_eq!(status, 200);
    let session = session.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(post(&stack, Some(&session), initialized).await.0, 202);
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(post(&stack, Some(&session), initialized).await.0, 404);
}

async fn post<S, R>(stack: &S, session: Option<&str>, body: &str) -> (u16, Option<String>)
where
    S: Service<http::Request<Full<bytes::Bytes>>, Response = http::Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body,
{
    let mut request = http::Request::post("/mcp")
        .header("host", "localhost")
        .header("x-api-key", KEY)
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2025-11-25");
    if let Some(session) = session {
        request = request.header(SESSION_ID, session);
    }
    let request = request.body(Full::from(body.to_owned())).unwrap();
    let response = stack.clone().oneshot(request).await.unwrap();
    let session = response.headers().get(SESSION_ID).map(|id| id.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let _ = response.into_body().collect().await;
    (status, session)
}
