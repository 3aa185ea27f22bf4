//! Every refusal: what the client is told, and, apart from it, what the log is told.
//!
//! Both are said here and nowhere else. The client learns the status, a challenge
//! that says what would help (RFC 6750 §3, RFC 9728 §5.1) and one sentence; the log
//! learns which check failed. The two share a trace id.

mod challenge;
mod told;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::TraceId;
use crate::audit::{self, Ruling};
use crate::guard::limit::{RATE_LIMIT, RATE_LIMIT_POLICY};

pub use challenge::Challenge;

/// The body of a refusal.
pub type RejectionBody = Full<Bytes>;

/// Why a request goes no further.
#[derive(Clone, Debug)]
pub struct Rejection {
    kind: Kind,
    /// For the log alone.
    reason: Cow<'static, str>,
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
    RateLimited { retry_after: Duration, policy: HeaderValue },
    RequestTooSlow,
    RevokedCredential,
    SessionNotFound,
    TooManyFailures { retry_after: Duration },
    TooManySessions,
    Unaudited { retry_after: Duration },
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

    /// 401 `invalid_token`: it was good until somebody took it back. The client is told as little
    /// as of one that never was; but nobody guessed it.
    pub fn revoked_credential(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::RevokedCredential, reason)
    }

    /// 403 `insufficient_scope`: a token with `scopes` could call this tool.
    pub fn insufficient_scope(
        tool: &str,
        scopes: Vec<String>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Kind::InsufficientScope { tool: tool.to_owned(), scopes }, reason)
    }

    /// 403 without a challenge: no new token would help.
    pub fn not_granted(tool: &str, reason: impl Into<Cow<'static, str>>) -> Self {
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

    /// 503: what is decided cannot be taken down now, and so nothing is decided. Never a pass.
    pub fn unaudited(retry_after: Duration, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unaudited { retry_after }, reason)
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

    /// The same refusal, with what was found out before it for the log.
    pub(crate) fn after(self, reason: &str) -> Self {
        Self { reason: format!("{reason}; {}", self.reason).into(), ..self }
    }

    /// 429: this caller asks too often (RFC 6585 §4).
    pub(crate) fn rate_limited(retry_after: Duration, policy: HeaderValue) -> Self {
        let reason = "the caller asks more often than its rate limit allows";
        Self::new(Kind::RateLimited { retry_after, policy }, reason)
    }

    /// 429: too many credentials from this address failed.
    pub(crate) fn too_many_failures(retry_after: Duration) -> Self {
        let reason = "more credentials of this address failed than may";
        Self::new(Kind::TooManyFailures { retry_after }, reason)
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
            Kind::ExpiredCredential
            | Kind::InvalidCredential
            | Kind::NoCredential
            | Kind::RevokedCredential => StatusCode::UNAUTHORIZED,
            Kind::ForeignHost
            | Kind::ForeignOrigin
            | Kind::InsufficientScope { .. }
            | Kind::NotGranted { .. } => StatusCode::FORBIDDEN,
            Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Kind::RequestTooSlow => StatusCode::REQUEST_TIMEOUT,
            Kind::SessionNotFound => StatusCode::NOT_FOUND,
            Kind::RateLimited { .. } | Kind::TooManyFailures { .. } | Kind::TooManySessions => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Kind::Unaudited { .. } | Kind::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Unprotected => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether a credential was presented that may have been guessed. One that was good once
    /// was not, and whoever holds it has to hear of it, to get another.
    pub(crate) fn is_failed_credential(&self) -> bool {
        matches!(self.kind, Kind::InvalidCredential)
    }

    /// The check that failed, in one word for counting: one for each constructor here.
    pub fn check(&self) -> &'static str {
        match self.kind {
            Kind::AmbiguousBody => "ambiguous_body",
            Kind::AnswerTooSlow => "answer_too_slow",
            Kind::BadHeader => "bad_header",
            Kind::BodyTooLarge { .. } => "body_too_large",
            Kind::ExpiredCredential => "expired_credential",
            Kind::ForeignHost => "foreign_host",
            Kind::ForeignOrigin => "foreign_origin",
            Kind::HeadersTooLarge => "headers_too_large",
            Kind::InsufficientScope { .. } => "insufficient_scope",
            Kind::InvalidCredential => "invalid_credential",
            Kind::MalformedCredential => "malformed_credential",
            Kind::NoCredential => "no_credential",
            Kind::NotGranted { .. } => "not_granted",
            Kind::RateLimited { .. } => "rate_limited",
            Kind::RequestTooSlow => "request_too_slow",
            Kind::RevokedCredential => "revoked_credential",
            Kind::SessionNotFound => "session_not_found",
            Kind::TooManyFailures { .. } => "too_many_failures",
            Kind::TooManySessions => "too_many_sessions",
            Kind::Unaudited { .. } => "unaudited",
            Kind::Unavailable { .. } => "unavailable",
            Kind::Unprotected => "unprotected",
        }
    }

    /// The tool that was refused, if it was one.
    pub(crate) fn tool(&self) -> Option<&str> {
        match &self.kind {
            Kind::InsufficientScope { tool, .. } | Kind::NotGranted { tool } => Some(tool),
            _ => None,
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
        audit::decided(extensions, Ruling::from(self));
        let (error, message, how_to_fix) = told::sentence(&self.kind, challenge);
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
        if let Some(value) = challenge.header(&self.kind) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        self.say_when(headers);
        response
    }

    /// Adds the headers that say when the client may ask again, if that would help.
    pub fn say_when(&self, headers: &mut HeaderMap) {
        let Some(seconds) = self.retry_after() else { return };
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        if let Kind::RateLimited { policy, .. } = &self.kind {
            let left = format!("\"caller\";r=0;t={seconds}");
            headers.insert(RATE_LIMIT_POLICY, policy.clone());
            headers.extend(HeaderValue::from_str(&left).ok().map(|left| (RATE_LIMIT, left)));
        }
    }

    /// After how many seconds the client may ask again, if that would help (RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<u64> {
        match self.kind {
            Kind::RateLimited { retry_after, .. }
            | Kind::TooManyFailures { retry_after }
            | Kind::Unaudited { retry_after }
            | Kind::Unavailable { retry_after } => {
                Some(retry_after.as_millis().div_ceil(1000).max(1) as u64)
            }
            Kind::TooManySessions => Some(60),
            _ => None,
        }
    }
}

/// The `id` of the JSON-RPC request, once the body has been read.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) Value);

#[cfg(test)]
mod tests;
