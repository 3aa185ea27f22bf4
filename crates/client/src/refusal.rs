//! What a server said when it said no.
//!
//! rmcp's own client drops the body of a refused request, and with it the sentence that
//! would help. This keeps it: status, challenge, and at most 64 KiB of body.

use std::fmt;

use http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// No more than this of a refusal's body is read.
const MAX_BODY: usize = 64 * 1024;

/// An answer that is not a success, as the server worded it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// One sentence: what went wrong.
    pub message: String,
    /// The error code, such as `invalid_token` (RFC 6750 §3.1, RFC 6749 §5.2).
    pub error: Option<String>,
    /// What to do about it.
    pub how_to_fix: Option<String>,
    /// What to quote when asking the server's operator: it stands in the server's log.
    pub trace_id: Option<String>,
    /// The `WWW-Authenticate` header.
    pub challenge: Option<String>,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
}

impl Refusal {
    /// Reads the refusal out of a response, whatever its body turns out to be.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_prefix(response).await;
        Self::parse(status, &headers, &body)
    }

    /// As [`Refusal::read`], from parts. Knows JSON-RPC errors and OAuth errors.
    pub fn parse(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: HeaderName| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let mut refusal = Self {
            status: status.as_u16(),
            message: format!("The server answered {status}."),
            error: None,
            how_to_fix: None,
            trace_id: header(HeaderName::from_static("x-request-id")),
            challenge: header(WWW_AUTHENTICATE),
            retry_after: header(RETRY_AFTER),
        };
        match serde_json::from_slice::<Value>(body) {
            Ok(body) if body["error"].is_object() => refusal.take_json_rpc(&body["error"]),
            Ok(body) if body["error"].is_string() => refusal.take_oauth(&body),
            _ => refusal.take_text(body),
        }
        if refusal.how_to_fix.is_none() {
            refusal.how_to_fix = refusal.advice();
        }
        refusal
    }

    /// A refusal that came as a JSON-RPC error in an answer whose status is 200: the code is
    /// one of HTTP's, from 400 to 499.
    pub(crate) fn from_rpc(error: &rmcp::ErrorData) -> Option<Self> {
        let code = u16::try_from(error.code.0).ok()?;
        let status = StatusCode::from_u16(code).ok().filter(StatusCode::is_client_error)?;
        let body = serde_json::json!({ "error": error }).to_string();
        Some(Self::parse(status, &HeaderMap::new(), body.as_bytes()))
    }

    fn take_json_rpc(&mut self, error: &Value) {
        let data = &error["data"];
        if let Some(message) = text(&error["message"]) {
            self.message = message;
        }
        self.error = text(&data["error"]);
        self.how_to_fix = text(&data["how_to_fix"]);
        self.trace_id = text(&data["trace_id"]).or(self.trace_id.take());
    }

    /// RFC 6749 §5.2: `error`, and perhaps `error_description`.
    fn take_oauth(&mut self, body: &Value) {
        self.error = text(&body["error"]);
        if let Some(message) = text(&body["error_description"]).or_else(|| self.error.clone()) {
            self.message = message;
        }
        self.how_to_fix = text(&body["how_to_fix"]);
        self.trace_id = text(&body["trace_id"]).or(self.trace_id.take());
    }

    /// Middle boxes answer in plain text: the first line is worth showing, a page is not.
    fn take_text(&mut self, body: &[u8]) {
        let body = String::from_utf8_lossy(body);
        let line = body.lines().next().unwrap_or_default().trim();
        if !line.is_empty() && line.len() <= 200 && !line.starts_with('<') {
            self.message = format!("{} {line}", self.message);
        }
    }

    fn advice(&self) -> Option<String> {
        let advice = match self.status {
            401 => "Check that the credential belongs to this server, or get a new one.",
            404 | 405 => "Check the URL: it ends in /mcp.",
            429 => "Wait, then try again.",
            500.. => "Look in the server's log, or try again later.",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.message, self.status)?;
        if let Some(error) = &self.error {
            write!(f, " {error}")?;
        }
        f.write_str(")")
    }
}

/// A short JSON answer: of 64 KiB at most, which no answer of these endpoints comes near.
///
/// # Errors
/// `other` when it is not JSON of that form.
pub async fn read_json<T: DeserializeOwned>(
    response: reqwest::Response,
    other: impl FnOnce() -> Error,
) -> Result<T, Error> {
    serde_json::from_slice(&read_prefix(response).await).map_err(|_| other())
}

/// The first 64 KiB of a body; a body that breaks off is as good as it got.
pub(crate) async fn read_prefix(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_BODY {
            break;
        }
    }
    body
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn keeps_what_a_json_rpc_refusal_says() {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mcp\""));
        headers.insert("x-request-id", HeaderValue::from_static("from-header"));
        let body = br#"{"jsonrpc":"2.0","id":7,"error":{"code":403,"message":"No such grant.",
            "data":{"error":"insufficient_scope","trace_id":"abc","how_to_fix":"Ask for it."}}}"#;
        let refusal = Refusal::parse(StatusCode::FORBIDDEN, &headers, body);
        assert_eq!(refusal.status, 403);
        assert_eq!(refusal.message, "No such grant.");
        assert_eq!(refusal.error.as_deref(), Some("insufficient_scope"));
        assert_eq!(refusal.how_to_fix.as_deref(), Some("Ask for it."));
        assert_eq!(refusal.trace_id.as_deref(), Some("abc"));
        assert_eq!(refusal.challenge.as_deref(), Some("Bearer realm=\"mcp\""));
    }

    #[test]
    fn keeps_what_a_token_endpoint_says() {
        let body = br#"{"error":"invalid_client","error_description":"Unknown client."}"#;
        let refusal = Refusal::parse(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body);
        assert_eq!(refusal.error.as_deref(), Some("invalid_client"));
        assert_eq!(refusal.to_string(), "Unknown client. (401 invalid_client)");
    }

    #[test]
    fn says_something_useful_about_a_bare_status() {
        let refusal = Refusal::parse(StatusCode::NOT_FOUND, &HeaderMap::new(), b"<html>no</html>");
        assert_eq!(refusal.message, "The server answered 404 Not Found.");
        assert_eq!(refusal.how_to_fix.as_deref(), Some("Check the URL: it ends in /mcp."));
        assert_eq!(refusal.trace_id, None);
    }
}
