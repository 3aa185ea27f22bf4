//! What a caller gets to see when a server says no, over a real socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use client::{Connection, Credential, Credentials, Error, Pending, Protocol};
use serde_json::{Value, json};

/// Serves `answer` at `/mcp` on a free port and returns its URL.
async fn serve<F>(answer: F) -> String
where
    F: Fn(HeaderMap, Value) -> Response + Clone + Send + Sync + 'static,
{
    let app = Router::new().route(
        "/mcp",
        any(move |headers: HeaderMap, body: Bytes| {
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            std::future::ready(answer(headers, body))
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

fn refuse(status: u16, message: &str) -> Response {
    let body = json!({
        "jsonrpc": "2.0", "id": null,
        "error": {
            "code": status, "message": message,
            "data": {"error": "invalid_token", "trace_id": "t-1", "how_to_fix": "Get another."},
        },
    });
    let status = StatusCode::from_u16(status).expect("a status");
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::WWW_AUTHENTICATE, "Bearer realm=\"mcp\""),
    ];
    (status, headers, body.to_string()).into_response()
}

fn json_answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Enough of a server of either generation to connect to.
fn accept(body: &Value) -> Response {
    let result = match body["method"].as_str() {
        Some("server/discover") => json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
            "ttlMs": 0, "cacheScope": "private",
        }),
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
            "serverInfo": {"name": "s", "version": "1"},
        }),
        Some("tools/call") => json!({"content": [{"type": "text", "text": "done"}]}),
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    json_answer(&json!({"jsonrpc": "2.0", "id": body["id"], "result": result}))
}

fn key() -> Arc<dyn Credentials> {
    Arc::new(Credential::api_key("some-key".into()).expect("a usable key"))
}

async fn refusal_of(url: &str, protocol: Protocol) -> client::Refusal {
    match Connection::open(url, key(), protocol).await {
        Err(Error::Refused(refusal)) => *refusal,
        Err(other) => panic!("not a refusal: {other:?}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn a_refusal_arrives_whole_in_every_protocol() {
    for status in [400, 401, 403, 404, 429] {
        let url = serve(move |_, _| refuse(status, "No.")).await;
        for protocol in [Protocol::Auto, Protocol::V2025_11_25, Protocol::V2026_07_28] {
            let refusal = refusal_of(&url, protocol).await;
            assert_eq!(refusal.status, status, "{protocol:?}");
            assert_eq!(refusal.message, "No.");
            assert_eq!(refusal.trace_id.as_deref(), Some("t-1"));
            assert_eq!(refusal.how_to_fix.as_deref(), Some("Get another."));
            assert_eq!(refusal.challenge.as_deref(), Some("Bearer realm=\"mcp\""));
        }
    }
}

#[tokio::test]
async fn a_refused_call_leaves_the_connection_usable() {
    let url = serve(|_, body| match body["params"]["name"].as_str() {
        Some("forbidden") => refuse(403, "Not yours."),
        _ => accept(&body),
    })
    .await;
    for protocol in [Protocol::Auto, Protocol::V2025_11_25, Protocol::V2026_07_28] {
        let connection = Connection::open(&url, key(), protocol).await.unwrap();
        let error = connection.call("forbidden", Default::default()).await.unwrap_err();
        assert!(error.is_refusal() && error.to_string().contains("Not yours."), "{error}");
        assert!(connection.call("allowed", Default::default()).await.is_ok());
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn auto_goes_back_to_an_older_server() {
    let url = serve(|_, body| match body["method"].as_str() {
        Some("server/discover") => StatusCode::BAD_REQUEST.into_response(),
        _ => accept(&body),
    })
    .await;
    let connection = Connection::open(&url, key(), Protocol::Auto).await.unwrap();
    assert_eq!(connection.negotiated_version(), "2025-11-25");
    let newest = Connection::open(&url, key(), Protocol::V2026_07_28).await;
    assert!(matches!(newest, Err(Error::Refused(refusal)) if refusal.status == 400));
}

#[tokio::test]
async fn a_url_without_an_endpoint_is_named_as_such_and_is_no_refusal() {
    for (status, body) in [(404, "Nothing here."), (404, r#"{"detail":"Not Found"}"#), (405, "")] {
        let status = StatusCode::from_u16(status).expect("a status");
        let url = serve(move |_, _| (status, body).into_response()).await;
        for protocol in [Protocol::Auto, Protocol::V2025_11_25, Protocol::V2026_07_28] {
            let error = Connection::open(&url, key(), protocol).await.err().expect("no endpoint");
            assert!(!error.is_refusal(), "{protocol:?}: {error}");
            let told = format!("There is no MCP endpoint at {url}; check --url.");
            assert_eq!(error.to_string(), told, "{protocol:?}");
        }
    }
}

/// Longer than the 10 s after which rmcp, left to itself, tries the older protocol: only then
/// does nobody wait any more for the request that failed.
const LIMIT: Duration = Duration::from_secs(11);

#[tokio::test]
async fn a_server_that_never_answers_is_named_as_such_in_every_protocol() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("it is bound"));
    let [auto, older, newer] = [Protocol::Auto, Protocol::V2025_11_25, Protocol::V2026_07_28]
        .map(|protocol| Connection::open_within(LIMIT, &url, key(), protocol));
    // The system accepts the connections; nobody ever reads from them.
    let (auto, older, newer) = tokio::join!(auto, older, newer);
    for outcome in [auto, older, newer] {
        let error = outcome.err().expect("no answer");
        assert_eq!(error.to_string(), format!("{url} did not answer within 11 seconds."));
    }
}

#[tokio::test]
async fn an_answer_that_stalls_halfway_is_told_as_one_that_did_not_come() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let half =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
        stream.write_all(half.as_bytes()).await.expect("the client is there");
        tokio::time::sleep(LIMIT).await;
    });
    let limit = Duration::from_secs(1);
    let open = Connection::open_within(limit, &url, key(), Protocol::V2025_11_25).await;
    assert!(matches!(open, Err(Error::TimedOut { seconds: 1, .. })), "{:?}", open.err());
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let url = serve(|_, _| (StatusCode::FORBIDDEN, "x".repeat(10 << 20)).into_response()).await;
    let refusal = refusal_of(&url, Protocol::V2026_07_28).await;
    assert!(refusal.message.len() < 300, "{}", refusal.message.len());
}

/// Has a stale token, and one good one.
#[derive(Default)]
struct Renewing {
    renewed: AtomicUsize,
}

impl Credentials for Renewing {
    fn current(&self) -> Pending<'_, Option<Credential>> {
        let token = if self.renewed.load(Ordering::SeqCst) == 0 { "stale" } else { "good" };
        Box::pin(async move { Credential::bearer(token.into()).map(Some) })
    }

    fn renew<'a>(&'a self, _refused: &'a Credential) -> Pending<'a, Option<Credential>> {
        self.renewed.fetch_add(1, Ordering::SeqCst);
        self.current()
    }
}

#[tokio::test]
async fn a_401_is_answered_with_another_token_once() {
    let url = serve(|headers, body| {
        let good = headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer good");
        if good { accept(&body) } else { refuse(401, "Expired.") }
    })
    .await;
    let credentials = Arc::new(Renewing::default());
    let connection = Connection::open(&url, credentials.clone(), Protocol::Auto).await.unwrap();
    assert!(connection.call("allowed", Default::default()).await.is_ok());
    assert_eq!(credentials.renewed.load(Ordering::SeqCst), 1);

    let hits = Arc::new(AtomicUsize::new(0));
    let count = hits.clone();
    let never = serve(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        refuse(401, "Revoked.")
    })
    .await;
    let again = Connection::open(&never, Arc::new(Renewing::default()), Protocol::Auto).await;
    assert!(again.is_err_and(|error| error.is_refusal()));
    assert_eq!(hits.load(Ordering::SeqCst), 2, "one request, one renewal, no more");
}

#[tokio::test]
async fn a_page_that_is_no_mcp_server_is_named_as_such() {
    let url = serve(|_, _| "<html>hello</html>".into_response()).await;
    let error = Connection::open(&url, key(), Protocol::Auto).await.err().unwrap();
    assert!(error.to_string().contains("check the URL"), "{error}");
}

#[tokio::test]
async fn a_credential_goes_nowhere_else_and_a_403_is_asked_once() {
    let visits = Arc::new(AtomicUsize::new(0));
    let elsewhere = {
        let visits = Arc::clone(&visits);
        serve(move |_, body| {
            visits.fetch_add(1, Ordering::Relaxed);
            accept(&body)
        })
        .await
    };
    let asked = Arc::new(AtomicUsize::new(0));
    for status in [302, 307, 308, 401, 403] {
        let (target, count) = (elsewhere.clone(), Arc::clone(&asked));
        let url = serve(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            let mut answer = refuse(status, "Not here.");
            let lead = format!("Bearer resource_metadata=\"{target}\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, lead.parse().expect("ASCII"));
            answer.headers_mut().insert(header::LOCATION, target.parse().expect("ASCII"));
            answer
        })
        .await;
        asked.store(0, Ordering::Relaxed);
        let others = Arc::new(Renewing::default());
        let opened = Connection::open(&url, others.clone(), Protocol::V2026_07_28).await;
        assert!(opened.is_err(), "{status}");
        // Only a 401 says that another credential would help.
        let more = usize::from(status == 401);
        assert_eq!(others.renewed.load(Ordering::SeqCst), more, "{status}");
        assert_eq!(asked.load(Ordering::Relaxed), 1 + more, "{status}");
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0, "a client was led elsewhere");
}
