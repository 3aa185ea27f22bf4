//! What lies around a protected path: the caller's sessions, and else nothing, which only those
//! may learn who are known.

use std::convert::Infallible;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use mcp_auth::authn::Scheme;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::guard::gate::Gate;
use mcp_auth::guard::limit::Limit;
use mcp_auth::guard::session::Sessions;
use mcp_auth::{Challenge, Identity, Rejection};
use percent_encoding::percent_decode_str;
use serde_json::json;
use tower::util::service_fn;
use tower::{ServiceBuilder, ServiceExt};

const NOTHING_HERE: &str = "There is nothing here. MCP is at /mcp.\n";

/// How often a path is decoded before it is judged. Nobody behind decodes it even once.
const DECODINGS: usize = 3;

/// Routes for `path/sessions`, where callers find the sessions that they have open, and for
/// everything else that is below `path` or would be if it were spelt otherwise: strangers get a
/// 401 there, and callers a 404. Any other path that has no route is a 404 to everybody.
pub fn below<C: Scheme>(
    path: &'static str,
    authenticate: Authenticate<C>,
    limit: Gate<Limit>,
    sessions: Sessions,
) -> Router {
    let door = ServiceBuilder::new().layer(authenticate).layer(limit);
    let nothing =
        door.clone().service(service_fn(async |_: Request| Ok::<_, Infallible>(not_found())));
    let disguised = nothing.clone();
    let fallback = service_fn(move |request: Request| {
        let disguised = disguised.clone();
        async move {
            if is_below(path, request.uri().path()) {
                disguised.oneshot(request).await.map(IntoResponse::into_response)
            } else {
                Ok(not_found())
            }
        }
    });
    Router::new()
        .route(&format!("{path}/sessions"), get(async move |request| list(&sessions, request)))
        .route_layer(door)
        .route_service(&format!("{path}/"), nothing.clone())
        .route_service(&format!("{path}/{{*rest}}"), nothing)
        .fallback_service(fallback)
}

fn list(sessions: &Sessions, mut request: Request) -> Response {
    match Identity::of(request.extensions()) {
        Some(identity) => {
            let open = json!({ "sessions": sessions.of(identity) });
            // A shared cache heeds Authorization (RFC 9111 §3.5), and not X-API-Key.
            ([(CACHE_CONTROL, "no-store")], Json(open)).into_response()
        }
        None => Rejection::unprotected("sessions without authentication before them")
            .answer(&Challenge::default(), request.extensions_mut())
            .into_response(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, NOTHING_HERE).into_response()
}

/// Whether any program would take `text` for `path` or for something below it: one that decodes,
/// ignores case, parameters or extensions, ends at a NUL, drops empty segments, or resolves `.`
/// and `..`.
fn is_below(path: &str, text: &str) -> bool {
    let mut text = text.to_owned();
    for _ in 0..DECODINGS {
        text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    let text = text.replace('\\', "/").to_lowercase();
    let mut resolved: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment.split(';').next().unwrap_or_default().trim() {
            "" | "." => {}
            ".." => drop(resolved.pop()),
            segment => resolved.push(segment),
        }
        if resolved.first().is_some_and(|first| is_taken_for(path.trim_matches('/'), first)) {
            return true;
        }
    }
    false
}

/// Whether `segment` is this name, or goes on behind it with something that no name has, and
/// that some program would cut off: a NUL, an extension, a parameter.
fn is_taken_for(name: &str, segment: &str) -> bool {
    let in_a_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    segment.strip_prefix(name).is_some_and(|rest| !rest.starts_with(in_a_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_recognised_in_disguise() {
        for text in [
            "/mcp",
            "/mcp/",
            "//mcp",
            "/MCP",
            "/%6dcp",
            "/%256dcp",
            "/mcp%2fx",
            "/x/../mcp",
            "/mcp/..",
            "/./mcp",
            "/mcp;x=1",
            "/mcp%20",
            "\\mcp",
            "/..//mcp/x",
            "/mcp%5cx",
            "/mcp%00",
            "/mcp.json",
            "/mcp,x",
            "/mcp%252500",
            "/mcp%ff",
            "/mcp:x",
        ] {
            assert!(is_below("/mcp", text), "{text}");
        }
        for text in [
            "/",
            "",
            "/mcpx",
            "/mcp2",
            "/mcp-x",
            "/mcp_x",
            "/mcp%c3%a9",
            "/x/mcp",
            "/items",
            "/token",
            "/m/cp",
            "/.well-known/mcp",
        ] {
            assert!(!is_below("/mcp", text), "{text}");
        }
    }
}
