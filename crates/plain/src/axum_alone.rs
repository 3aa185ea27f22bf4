//! As little as a web server can do.

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};

/// As long as the refusal of a real server.
const BODY: &str = r#"{"jsonrpc":"2.0","id":null,"error":{"code":401,"message":"no credential","data":{"error":"no_credential"}}}"#;

/// Refuses everything, without having looked at it.
pub(crate) fn router() -> Router {
    Router::new().fallback(refused)
}

async fn refused() -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (WWW_AUTHENTICATE, "Bearer realm=\"mcp\"")];
    (StatusCode::UNAUTHORIZED, headers, BODY).into_response()
}
