//! One `tools/call` as a client of 2026-07-28 sends it.

use axum::Router;
use axum::body::Body;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Request};

use crate::answer::{Answer, read};

const VERSION: &str = "2026-07-28";
const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_time","arguments":{"zone":"UTC"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"benches","version":"0.1.0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// Stands in the structured answer of the tool.
pub(crate) const ANSWER: &[u8] = br#""zone":"UTC""#;

/// The call with one credential, or with none.
pub(crate) struct Call(Option<(HeaderName, HeaderValue)>);

impl Call {
    pub(crate) fn without_credential() -> Self {
        Self(None)
    }

    pub(crate) fn with(name: HeaderName, value: &str) -> Self {
        Self(Some((name, HeaderValue::from_str(value).expect("credentials are ASCII"))))
    }

    /// Builds the request, sends it through all layers, and reads the answer to its end.
    pub(crate) async fn send(&self, router: &Router) -> Answer {
        let mut request = Request::post("/mcp")
            .header(HOST, "127.0.0.1")
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", "tools/call")
            .header("mcp-name", "get_time");
        if let Some((name, value)) = &self.0 {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(BODY)).expect("all of it is well-formed");
        read(router, request).await
    }
}
