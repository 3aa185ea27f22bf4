//! What a client is told that gets nothing (RFC 6749 §5.2), and what the log is told.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::header::{HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, StatusCode};
use mcp_auth::audit::{self, Ruling};
use mcp_auth::{Rejection, TraceId};
use serde_json::json;

/// Why there is no token, or why it is not taken back.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: &'static str,
    /// What failed, for the log and the audit, where one `error` stands for several.
    check: &'static str,
    description: Box<str>,
    /// For the log alone.
    reason: Cow<'static, str>,
    client: Option<Box<str>>,
    trace: Option<TraceId>,
    /// When to ask again.
    when: Box<HeaderMap>,
}

impl Refusal {
    /// The request breaks a rule; the sentence names it, and goes to client and log.
    pub(crate) fn invalid_request(what: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", what.to_owned(), what)
    }

    /// One answer for every reason; `reason` is for the log.
    pub(crate) fn invalid_client(reason: &'static str) -> Self {
        let description = "the client is unknown or its secret is wrong; \
            send both by HTTP Basic or as client_id and client_secret in the body";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description.to_owned(), reason)
    }

    pub(crate) fn invalid_scope() -> Self {
        let description = "the client may not have one of these scopes; \
            leave scope out to get all that it may have";
        let reason = "a scope was asked for that the client does not have";
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", description.to_owned(), reason)
    }

    pub(crate) fn malformed_scope() -> Self {
        let description = "scope is a list of names with one space between them, such as \
            weather:read payments:read";
        let reason = "scope holds something else than scope-tokens (RFC 6749 §3.3)";
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", description.to_owned(), reason)
    }

    /// RFC 7009 §2.1 wants the client informed.
    pub(crate) fn foreign_token() -> Self {
        let what = "the token was issued to another client, which alone can revoke it";
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", what.to_owned(), what)
    }

    /// RFC 8707 §2.
    pub(crate) fn invalid_target(ours: &str) -> Self {
        let description = format!("tokens are issued for {ours} alone; name it as resource");
        let reason = "resource names another server";
        Self::new(StatusCode::BAD_REQUEST, "invalid_target", description, reason)
    }

    pub(crate) fn unsupported_grant_type() -> Self {
        let what = "the only grant_type offered is client_credentials";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", what.to_owned(), what)
    }

    /// For the authorization endpoint, which there is only because clients look for it.
    pub(crate) fn unsupported_response_type() -> Self {
        let what = "nobody can log in here; the only grant offered is client_credentials, \
            with POST at the token endpoint";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_response_type", what.to_owned(), what)
    }

    pub(crate) fn unavailable(reason: impl Into<Cow<'static, str>>) -> Self {
        let description = "the clients cannot be looked up now; try again in a moment";
        Self::not_now(description, reason)
    }

    /// Every key that there is signs later, or is over.
    pub(crate) fn no_signer() -> Self {
        Self::not_now("no token can be signed now; try again in a moment", "no key signs now")
    }

    /// The client has to take the token for a live one (RFC 7009 §2.2.1).
    pub(crate) fn not_revoked(reason: impl Into<Cow<'static, str>>) -> Self {
        let description =
            "the token could not be revoked now and stays good; try again in a moment";
        Self::not_now(description, reason)
    }

    /// What would be decided cannot be taken down.
    pub(crate) fn unaudited(rejection: &Rejection) -> Self {
        let description = "nothing is decided now, because it could not be written down; try \
            again in a moment";
        let mut refusal = Self::not_now(description, rejection.reason().to_owned());
        refusal.check = rejection.check();
        rejection.say_when(&mut refusal.when);
        refusal
    }

    fn not_now(description: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let refusal = Self::new(status, "temporarily_unavailable", description.to_owned(), reason);
        refusal.after(1)
    }

    /// The client asks more often than one caller may.
    pub(crate) fn rate_limited(rejection: &Rejection) -> Self {
        let description = "this client asks too often; wait for as many seconds as Retry-After \
            says, and use a token until it ends";
        let status = StatusCode::TOO_MANY_REQUESTS;
        let reason = rejection.reason().to_owned();
        let mut refusal =
            Self::new(status, "temporarily_unavailable", description.to_owned(), reason);
        rejection.say_when(&mut refusal.when);
        refusal
    }

    /// The same refusal to an address of which too many came before it.
    pub(crate) fn slowed_down(self, retry_after: u64) -> Self {
        let description = "too many secrets from your address were refused; wait for as many \
            seconds as Retry-After says";
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            description: description.into(),
            reason: format!("{}; and more than may failed before it", self.reason).into(),
            ..self
        }
        .after(retry_after)
    }

    fn after(mut self, seconds: u64) -> Self {
        self.when.insert(RETRY_AFTER, HeaderValue::from(seconds));
        self
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Names a client that is known, for the log.
    pub(crate) fn of_client(self, id: &str) -> Self {
        Self { client: Some(id.into()), ..self }
    }

    /// Writes the refusal to the log and makes the answer to the client.
    pub(crate) fn answer(self, extensions: &Extensions) -> Response {
        let ruling = Ruling {
            status: Some(self.status),
            client: self.client.as_deref(),
            ..Ruling::refused(self.check, &*self.reason)
        };
        audit::decided(extensions, ruling);
        Self { trace: extensions.get::<TraceId>().copied(), ..self }.into_response()
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    #[cfg(test)]
    pub(crate) fn error(&self) -> &'static str {
        self.error
    }

    #[cfg(test)]
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    fn new(
        status: StatusCode,
        error: &'static str,
        description: String,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            error,
            check: error,
            description: description.into(),
            reason: reason.into(),
            client: None,
            trace: None,
            when: Box::default(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // RFC 6749 §5.2 allows these characters alone; a configured URL could hold others.
        let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        let description: String = self.description.chars().filter(allowed).collect();
        let mut body = json!({ "error": self.error, "error_description": description });
        if let Some(trace) = self.trace {
            body["trace_id"] = trace.to_string().into();
        }
        let mut answer = crate::json(self.status, &body);
        let headers = answer.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            // Also when the secret was sent in the body: a 401 without it is none (RFC 9110 §15.5.2).
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
        }
        headers.extend(*self.when);
        answer
    }
}
