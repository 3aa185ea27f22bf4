//! Whether this server is there, and whether it can judge.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use mcp_auth::{Rejection, audit};

use crate::Drain;

/// Asks whether all that is needed to judge a request is at hand.
#[derive(Clone)]
pub(crate) struct Ready(Arc<dyn Fn() -> Result<(), Rejection> + Send + Sync>);

impl Ready {
    pub(crate) fn when(
        question: impl Fn() -> Result<(), Rejection> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(question))
    }
}

impl Default for Ready {
    /// Nothing can fail.
    fn default() -> Self {
        Self::when(|| Ok(()))
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}

/// `GET /healthz` says that the process answers, `GET /readyz` that it may be sent requests.
///
/// Both are for everybody, under any host name: whoever asks is a load balancer or a
/// supervisor, which calls by address. Why it cannot judge is for the
/// log alone; that it cannot write down what it decides is for its operator.
pub(crate) fn probes(routes: Router, ready: &Ready, drain: &Drain) -> Router {
    let probes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state((ready.clone(), drain.clone()));
    routes.merge(probes)
}

async fn readyz(State((ready, drain)): State<(Ready, Drain)>, request: Request) -> Response {
    let no_store = [(CACHE_CONTROL, "no-store")];
    if drain.is_ending() {
        return (StatusCode::SERVICE_UNAVAILABLE, no_store, "ending\n").into_response();
    }
    if let Err(rejection) = audit::ready(request.extensions()) {
        return not_ready(&rejection, "not ready: what is decided cannot be written down\n");
    }
    match ready.0() {
        Ok(()) => (no_store, "ready\n").into_response(),
        Err(rejection) => not_ready(&rejection, "not ready\n"),
    }
}

fn not_ready(rejection: &Rejection, said: &'static str) -> Response {
    tracing::debug!(reason = rejection.reason(), "not ready");
    let no_store = [(CACHE_CONTROL, "no-store")];
    let mut answer = (StatusCode::SERVICE_UNAVAILABLE, no_store, said).into_response();
    rejection.say_when(answer.headers_mut());
    answer
}
