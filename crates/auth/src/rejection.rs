//! Every refusal: what the client is told, and, apart from it, what the log is told.
//!
//! Both are said here and nowhere else. The client learns the status, a challenge
//! that says what would help (RFC 6750 §3, RFC 9728 §5.1) and one sentence; the log
//! learns which check failed. The two share a trace id.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{TraceId, audit};

/// The body of a refusal.
pub type RejectionBody = Full<Bytes>;

/// Why a request goes no further.
#[derive(Clone, Debug)]
pub struct Rejection {
    kind: Kind,
    /// For the log alone.
    reason: Cow<'static, str>,
}

/// What a client needs to come by a credential (RFC 6750 §3, RFC 9728 §5.1).
///
/// Built from configuration, never from a request.
#[derive(Clone, Debug, Default)]
pub struct Challenge {
    /// URL of the RFC 9728 document, if there is an authorization server to be found.
    pub resource_metadata: Option<String>,
    /// The scopes to ask for, separated by spaces.
    pub scope: Option<String>,
    /// One sentence for people: where the credential comes from.
    pub how_to_get_one: Cow<'static, str>,
}

#[derive(Clone, Debug)]
enum Kind {
    AmbiguousBody,
    AnswerTooSlow,
    BadHeader,
    BodyTooLarge { limit: usize },
    ExpiredCredential,
    ForeignHost,
    ForeignOrigin,
    HeadersTooLarge,
    InsufficientScope { tool: String, scopes: Vec<String> },
    InvalidCredential,
    MalformedCredential,
    NoCredential,
    NotGranted { tool: String },
    RequestTooSlow,
    SessionNotFound,
    TooManySessions,
    Unavailable { retry_after: Duration },
    Unprotected,
}

/// Each constructor takes the sentence for the log, which must not hold a secret.
impl Rejection {
    /// 401 without an error code: nothing was presented (RFC 6750 §3.1).
    pub fn no_credential(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NoCredential, reason)
    }

    /// 400: what was presented is not one well-formed credential in one place (RFC 6750 §3.1).
    pub fn malformed_credential(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::MalformedCredential, reason)
    }

    /// 401 `invalid_token`: well-formed, and not one that this server accepts.
    pub fn invalid_credential(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidCredential, reason)
    }

    /// 401 `invalid_token`: it was good once. Told only of credentials that verified.
    pub fn expired_credential(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::ExpiredCredential, reason)
    }

    /// 403 `insufficient_scope`: a token with `scopes` could call this tool.
    pub fn insufficient_scope(tool: &str, scopes: Vec<String>) -> Self {
        let reason = format!("tool {tool}: the token lacks the scope {}", scopes.join(" "));
        Self::new(Kind::InsufficientScope { tool: tool.to_owned(), scopes }, reason)
    }

    /// 403 without a challenge: no new token would help.
    pub fn not_granted(tool: &str) -> Self {
        let reason = format!("tool {tool}: no role or grant of the caller reaches it");
        Self::new(Kind::NotGranted { tool: tool.to_owned() }, reason)
    }

    /// 404: no such session, or not the caller's. The two cannot be told apart.
    pub fn session_not_found(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::SessionNotFound, reason)
    }

    /// 429: this caller has as many sessions open as it may.
    pub fn too_many_sessions(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::TooManySessions, reason)
    }

    /// 503: what is needed to judge cannot be reached now. Never a pass.
    pub fn unavailable(retry_after: Duration, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable { retry_after }, reason)
    }

    /// 408: the request did not arrive whole in time (RFC 9110 §15.5.9).
    pub fn request_too_slow(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::RequestTooSlow, reason)
    }

    /// 504: what is behind the layers did not answer in time (RFC 9110 §15.6.5).
    pub fn answer_too_slow(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::AnswerTooSlow, reason)
    }

    /// 500: a layer that has to come first is missing. Nothing is served unguarded.
    pub fn unprotected(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unprotected, reason)
    }

    pub(crate) fn ambiguous_body(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::AmbiguousBody, reason)
    }

    pub(crate) fn bad_header(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::BadHeader, reason)
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        Self::new(Kind::BodyTooLarge { limit }, "the body is longer than the limit")
    }

    pub(crate) fn foreign_host(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::ForeignHost, reason)
    }

    pub(crate) fn foreign_origin(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::ForeignOrigin, reason)
    }

    pub(crate) fn headers_too_large(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::HeadersTooLarge, reason)
    }

    fn new(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, reason: reason.into() }
    }

    /// The status that the client gets.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::AmbiguousBody | Kind::BadHeader | Kind::MalformedCredential => {
                StatusCode::BAD_REQUEST
            }
            Kind::AnswerTooSlow => StatusCode::GATEWAY_TIMEOUT,
            Kind::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::ExpiredCredential | Kind::InvalidCredential | Kind::NoCredential => {
                StatusCode::UNAUTHORIZED
            }
            Kind::ForeignHost
            | Kind::ForeignOrigin
            | Kind::InsufficientScope { .. }
            | Kind::NotGranted { .. } => StatusCode::FORBIDDEN,
            Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Kind::RequestTooSlow => StatusCode::REQUEST_TIMEOUT,
            Kind::SessionNotFound => StatusCode::NOT_FOUND,
            Kind::TooManySessions => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Unprotected => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the log is told: which check failed. It is not for the client.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Writes the refusal to the log and makes the answer to the client.
    ///
    /// `extensions` are the request's: from there come the trace id, the identity if
    /// there is one, and the JSON-RPC id if the body has been read.
    pub fn answer(
        &self,
        challenge: &Challenge,
        extensions: &mut Extensions,
    ) -> Response<RejectionBody> {
        let trace = TraceId::of(extensions);
        audit::refused(self, trace, extensions);
        let (error, message, how_to_fix) = self.sentence(challenge);
        let id = extensions.get::<RequestId>().map_or(Value::Null, |id| id.0.clone());
        let body = json!({
            "jsonrpc": "2.0",
            "id": id,
            "error": {
                // Outside the range that JSON-RPC keeps for itself.
                "code": self.status().as_u16(),
                "message": message,
                "data": { "error": error, "how_to_fix": how_to_fix, "trace_id": trace.to_string() },
            },
        });
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(TraceId::HEADER, trace.header_value());
        if let Some(value) = self.challenge(challenge) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        match self.kind {
            Kind::Unavailable { retry_after } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            }
            Kind::TooManySessions => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
            }
            _ => {}
        }
        response
    }

    /// The error code, what went wrong, and what to do about it.
    fn sentence(&self, challenge: &Challenge) -> (&'static str, String, String) {
        let (error, message, fix): (_, Cow<'static, str>, Cow<'_, str>) = match &self.kind {
            Kind::AmbiguousBody => (
                "invalid_request",
                "The request body can be read in more than one way.".into(),
                "Name every member of the JSON object once.".into(),
            ),
            Kind::AnswerTooSlow => (
                "timeout",
                "The server had no answer in time.".into(),
                "What was asked for may have been done: look before you ask again.".into(),
            ),
            Kind::BadHeader => (
                "invalid_request",
                "A header that may be sent once is missing, sent twice or not readable.".into(),
                "Send each of Host, Origin, Content-Type and the Mcp-* headers once.".into(),
            ),
            Kind::BodyTooLarge { limit } => (
                "invalid_request",
                format!("The request body is longer than {limit} bytes.").into(),
                "Send less in one request.".into(),
            ),
            Kind::ExpiredCredential => (
                "invalid_token",
                "The credential has expired.".into(),
                Cow::Borrowed(&*challenge.how_to_get_one),
            ),
            Kind::ForeignHost => (
                "forbidden_host",
                "This server does not answer under that host name.".into(),
                "Use the URL the server printed, or start it with --public-url.".into(),
            ),
            Kind::ForeignOrigin => (
                "forbidden_origin",
                "Pages of that origin may not call this server.".into(),
                "Call from the server's own origin, or start it with --allow-origin.".into(),
            ),
            Kind::HeadersTooLarge => (
                "invalid_request",
                "The request headers are too large.".into(),
                "Send fewer or shorter headers; a credential has at most 8 KiB.".into(),
            ),
            Kind::InsufficientScope { tool, scopes } => (
                "insufficient_scope",
                format!("The tool {tool} needs the scope {}.", scopes.join(" ")).into(),
                "Ask for a token with this scope. The same token will be refused again.".into(),
            ),
            Kind::InvalidCredential => (
                "invalid_token",
                "The credential is not valid here.".into(),
                Cow::Borrowed(&*challenge.how_to_get_one),
            ),
            Kind::MalformedCredential => (
                "invalid_request",
                "Send exactly one well-formed credential, in exactly one header.".into(),
                Cow::Borrowed(&*challenge.how_to_get_one),
            ),
            Kind::NoCredential => (
                "no_credential",
                "This server needs a credential with every request.".into(),
                Cow::Borrowed(&*challenge.how_to_get_one),
            ),
            Kind::NotGranted { tool } => (
                "not_granted",
                format!("You may not call the tool {tool}.").into(),
                "Do not retry. Whoever administers this server can grant it; whoami lists what \
                 you may call."
                    .into(),
            ),
            Kind::RequestTooSlow => (
                "request_timeout",
                "The request did not arrive whole in time.".into(),
                "Send it again, on another connection and without pauses.".into(),
            ),
            Kind::SessionNotFound => (
                "session_not_found",
                "Session not found.".into(),
                "Send initialize to open a new session.".into(),
            ),
            Kind::TooManySessions => (
                "too_many_sessions",
                "Too many sessions are open for this caller.".into(),
                "End one with DELETE, or wait until one has been idle for five minutes.".into(),
            ),
            Kind::Unavailable { .. } => (
                "temporarily_unavailable",
                "The server cannot judge credentials right now.".into(),
                "Retry after the number of seconds in Retry-After.".into(),
            ),
            Kind::Unprotected => (
                "server_error",
                "The server is not set up to answer this request.".into(),
                "Tell its operator the trace id.".into(),
            ),
        };
        (error, message.into_owned(), fix.into_owned())
    }

    /// RFC 6750 §3: parameters separated by commas. `scope` stands before the description
    /// because clients search the value for it as text.
    fn challenge(&self, challenge: &Challenge) -> Option<HeaderValue> {
        let (error, scope, description) = match &self.kind {
            Kind::NoCredential => (None, challenge.scope.clone(), None),
            Kind::MalformedCredential => (
                Some("invalid_request"),
                None,
                Some("exactly one well-formed credential is needed"),
            ),
            Kind::InvalidCredential => (
                Some("invalid_token"),
                challenge.scope.clone(),
                Some("the credential is not valid"),
            ),
            Kind::ExpiredCredential => {
                (Some("invalid_token"), challenge.scope.clone(), Some("the credential has expired"))
            }
            Kind::InsufficientScope { scopes, .. } => {
                (Some("insufficient_scope"), Some(scopes.join(" ")), None)
            }
            _ => return None,
        };
        let mut value = String::from("Bearer realm=\"mcp\"");
        let mut push = |name: &str, text: &str| {
            value.push_str(", ");
            value.push_str(name);
            value.push_str("=\"");
            value.push_str(text);
            value.push('"');
        };
        if let Some(error) = error {
            push("error", error);
        }
        if let Some(url) = &challenge.resource_metadata {
            push("resource_metadata", url);
        }
        if let Some(scope) = scope {
            push("scope", &scope);
        }
        if let Some(description) = description {
            push("error_description", description);
        }
        // Configuration that is no header value costs the challenge, not the refusal.
        HeaderValue::from_str(&value).ok()
    }
}

/// The `id` of the JSON-RPC request, once the body has been read.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) Value);

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge_of(rejection: &Rejection, challenge: &Challenge) -> Option<String> {
        let response = rejection.answer(challenge, &mut Extensions::new());
        let value = response.headers().get(WWW_AUTHENTICATE)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn nothing_presented_names_no_error() {
        let challenge = Challenge {
            resource_metadata: Some("https://a.example/.well-known/x".into()),
            scope: Some("a b".into()),
            ..Challenge::default()
        };
        assert_eq!(
            challenge_of(&Rejection::no_credential("none"), &challenge).unwrap(),
            "Bearer realm=\"mcp\", resource_metadata=\"https://a.example/.well-known/x\", scope=\"a b\""
        );
    }

    #[test]
    fn a_scope_that_would_help_is_named_and_a_grant_is_not() {
        let scope = Rejection::insufficient_scope("get_weather", vec!["weather:read".into()]);
        assert_eq!(
            challenge_of(&scope, &Challenge::default()).unwrap(),
            "Bearer realm=\"mcp\", error=\"insufficient_scope\", scope=\"weather:read\""
        );
        assert_eq!(challenge_of(&Rejection::not_granted("x"), &Challenge::default()), None);
    }

    #[tokio::test]
    async fn the_client_does_not_hear_what_the_log_hears() {
        use http_body_util::BodyExt;
        let rejection = Rejection::invalid_credential("the checksum is wrong");
        let response = rejection.answer(&Challenge::default(), &mut Extensions::new());
        let id = response.headers()[TraceId::HEADER].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(!text.contains("checksum"), "{text}");
        assert!(text.contains(&id) && text.contains("\"jsonrpc\":\"2.0\""), "{text}");
    }
}
