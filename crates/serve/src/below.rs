//! What lies below a protected path: nothing, and only those may learn that who are known.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use mcp_auth::authn::Scheme;
use mcp_auth::authn::layer::Authenticate;
use tower::ServiceBuilder;
use tower::util::service_fn;

use crate::outer::NOTHING_HERE;

/// Routes for everything below `path`, which answer 401 to strangers and 404 to others.
pub fn nothing_below<C: Scheme>(path: &str, authenticate: Authenticate<C>) -> Router {
    let nothing = ServiceBuilder::new()
        .layer(authenticate)
        .service(service_fn(async |_: Request| Ok::<_, Infallible>(not_found())));
    Router::new()
        .route_service(&format!("{path}/"), nothing.clone())
        .route_service(&format!("{path}/{{*rest}}"), nothing)
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, NOTHING_HERE).into_response()
}
