//! The shopping list as an ordinary REST route, beside MCP.

use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use http::header::CACHE_CONTROL;
use mcp_auth::authz::Permit;
use mcp_auth::{Challenge, Rejection};
use tools::ToolServer;

/// The tool that gives the same answer over MCP.
const TOOL: &str = "list_shopping_items";

/// `GET /items` for everybody.
pub(crate) fn public(tools: ToolServer) -> Router {
    routes(get(async move |request: Request| list(&tools, request).await))
}

/// `GET /items` for those who may list the items over MCP. Put authentication and
/// authorization around it: without a Permit it refuses.
pub(crate) fn protected(tools: ToolServer) -> Router {
    routes(get(async move |request: Request| {
        let permit = Permit::of(request.extensions());
        let checked = permit.map_or_else(|| Err(unguarded()), |permit| permit.check(TOOL));
        match checked {
            // A shared cache would not see that it is for this caller alone: it heeds
            // Authorization (RFC 9111 §3.5), and not X-API-Key.
            Ok(_) => ([(CACHE_CONTROL, "no-store")], list(&tools, request).await).into_response(),
            Err(rejection) => refuse(&rejection, request),
        }
    }))
}

fn routes(list: MethodRouter) -> Router {
    Router::new().route("/items", list.clone()).route("/items/", list)
}

async fn list(tools: &ToolServer, request: Request) -> Response {
    match tools.shopping_items().await {
        Ok(items) => Json(items).into_response(),
        Err(error) => {
            let reason = format!("the items cannot be read: {error}");
            refuse(&Rejection::unavailable(Duration::from_secs(5), reason), request)
        }
    }
}

fn unguarded() -> Rejection {
    Rejection::unprotected("the items were asked for without authorization before them")
}

fn refuse(rejection: &Rejection, mut request: Request) -> Response {
    rejection.answer(&Challenge::default(), request.extensions_mut()).into_response()
}
