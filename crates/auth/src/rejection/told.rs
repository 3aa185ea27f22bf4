//! What the client is told in words.

use std::borrow::Cow;

use super::{Challenge, Kind};

/// The error code, what went wrong, and what to do about it.
pub(super) fn sentence(kind: &Kind, challenge: &Challenge) -> (&'static str, String, String) {
    let (error, message, fix): (_, Cow<'static, str>, Cow<'_, str>) = match kind {
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
            format!(
                "The tool {tool} needs the scope {}, which this token lacks. Do not retry with it.",
                scopes.join(" ")
            )
            .into(),
            "Ask for a token with this scope.".into(),
        ),
        Kind::InvalidCredential | Kind::RevokedCredential => (
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
            format!(
                "You may not call the tool {tool}: no role or grant of yours reaches it. Do not \
                 retry."
            )
            .into(),
            "Whoever administers this server can grant it; whoami lists what you may call.".into(),
        ),
        Kind::RateLimited { .. } => (
            "rate_limited",
            "You call more often than you may.".into(),
            "Wait for as many seconds as Retry-After says, then go on at the pace of \
             RateLimit-Policy."
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
        Kind::TooManyFailures { .. } => (
            "rate_limited",
            "Too many credentials from your address were refused.".into(),
            "Wait for as many seconds as Retry-After says. A good credential is not held up."
                .into(),
        ),
        Kind::TooManySessions => (
            "too_many_sessions",
            "Too many sessions are open for this caller.".into(),
            "End one with DELETE, or wait until one has been idle for five minutes.".into(),
        ),
        Kind::Unaudited { .. } => (
            "temporarily_unavailable",
            "The server cannot write down what it decides, and decides nothing right now.".into(),
            "Nothing was done. Retry after the number of seconds in Retry-After.".into(),
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
