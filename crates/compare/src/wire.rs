//! One `tools/call` as it goes over the wire, in the form of 2026-07-28: one POST, no session.

use client::Credential;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{Method, Request};
use serde_json::{Value, json};

const VERSION: &str = "2026-07-28";

/// A call of one tool, with the credential in its header or without any.
pub fn call(
    url: &str,
    credential: Option<&Credential>,
    tool: &str,
    arguments: Value,
) -> Request<String> {
    let body = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": tool,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": VERSION,
                "io.modelcontextprotocol/clientInfo": { "name": "compare", "version": env!("CARGO_PKG_VERSION") },
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let mut request = Request::new(body.to_string());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.parse().expect("the URL of a server that runs can be parsed");
    let headers = request.headers_mut();
    for (name, value) in
        [(ACCEPT, "application/json, text/event-stream"), (CONTENT_TYPE, "application/json")]
    {
        headers.insert(name, value.parse().expect("these words are a header value"));
    }
    for (name, value) in
        [("mcp-protocol-version", VERSION), ("mcp-method", "tools/call"), ("mcp-name", tool)]
    {
        headers.insert(name, value.parse().expect("names of tools are header values"));
    }
    if let Some(credential) = credential {
        headers.insert(credential.header_name(), credential.header_value().clone());
    }
    request
}

/// The JSON-RPC message in the body of an answer, if it is one.
pub fn answer(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(|message: &Value| message["jsonrpc"] == "2.0")
}

/// The head of a request with this credential: what a scheme judges.
pub fn head(credential: Option<&Credential>) -> Parts {
    let request = call("http://127.0.0.1/mcp", credential, "get_time", json!({}));
    request.into_parts().0
}
