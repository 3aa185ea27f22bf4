//! What surrounds every route, whatever it is.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::audit::AuditFile;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ORIGIN,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::Full;
use mcp_auth::audit::{self, Audit, Auditors};
use mcp_auth::authn::expiry::{CREDENTIAL_EXPIRES, CREDENTIAL_RENEW};
use mcp_auth::guard::front::Front;
use mcp_auth::guard::limit::{RATE_LIMIT, RATE_LIMIT_POLICY};
use mcp_auth::metrics::{self, Timer};
use mcp_auth::{Challenge, Rejection, TraceId, shown};
use tower::{Layer, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;

use crate::deadline::{TimeLimits, limit};
use crate::drain::hold;
use crate::metrics::MetricsListener;
use crate::ready::{Ready, probes};
use crate::rest::finish;
use crate::{Drain, Follow, Sockets, panics};

/// How long a browser may remember what it was told about other origins.
const PREFLIGHT_LIFE: Duration = Duration::from_secs(600);

/// Where paths are counted together that have no route.
const NO_ROUTE: &str = "none";

/// A server's whole stack, ready to be served.
#[derive(Clone, Debug)]
pub struct App {
    /// All routes with all layers.
    pub router: Router,
    /// How its connections are treated.
    pub sockets: Sockets,
    pub(crate) drain: Drain,
    pub(crate) follows: Vec<Follow>,
    pub(crate) at_start: AtStart,
    /// Closed at the end.
    pub(crate) audit: Option<AuditFile>,
    pub(crate) metrics: Option<MetricsListener>,
}

impl App {
    /// Makes a span of every request. It comes before [`App::audited`].
    #[cfg(feature = "otel")]
    pub(crate) fn traced(self, traces: Option<&crate::traces::Traces>) -> Self {
        let Some(traces) = traces else { return self };
        let layer = from_fn_with_state(traces.tracer(), crate::traces::span);
        Self { router: self.router.layer(layer), ..self }
    }

    /// Tells these auditors of every decision.
    pub fn audited(self, auditors: Auditors) -> Self {
        Self { router: self.router.layer(Audit::layer(auditors)), ..self }
    }
}

/// What begins when the server does, on its runtime.
#[derive(Clone, Default)]
pub(crate) struct AtStart(Option<Arc<dyn Fn() + Send + Sync>>);

impl AtStart {
    pub(crate) fn begin(&self) {
        if let Some(begin) = &self.0 {
            begin();
        }
    }
}

impl fmt::Debug for AtStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtStart")
    }
}

/// What all servers have around their routes.
#[derive(Clone, Debug)]
pub struct Outer {
    front: Front,
    pages: Vec<String>,
    limits: TimeLimits,
    ready: Ready,
    follows: Vec<Follow>,
    at_start: AtStart,
}

impl Outer {
    /// Around routes for which `front` judges; always ready, with the default time limits, and
    /// for no other pages than `front` knows.
    pub fn new(front: Front) -> Self {
        Self {
            front,
            pages: Vec::new(),
            limits: TimeLimits::default(),
            ready: Ready::default(),
            follows: Vec::new(),
            at_start: AtStart::default(),
        }
    }

    /// Answers the browsers of these origins, which `front` has to allow as well.
    pub fn pages(mut self, origins: &[String]) -> Self {
        self.pages = origins.to_vec();
        self
    }

    /// Other time limits for requests.
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Asked by `GET /readyz`: whether all is at hand that is needed to judge a request.
    pub fn ready(
        mut self,
        question: impl Fn() -> Result<(), Rejection> + Send + Sync + 'static,
    ) -> Self {
        self.ready = Ready::when(question);
        self
    }

    /// Called when the server starts, on its runtime: it may spawn tasks.
    pub fn at_start(mut self, begin: impl Fn() + Send + Sync + 'static) -> Self {
        self.at_start = AtStart(Some(Arc::new(begin)));
        self
    }

    /// Follows these files for as long as the server runs.
    pub fn follow(mut self, files: impl IntoIterator<Item = Follow>) -> Self {
        self.follows.extend(files);
        self
    }

    /// Puts around a server's routes what all servers have, from outside in:
    ///
    /// 1. a [`TraceId`] for the request, and `x-request-id` on every answer;
    /// 2. what is left of a small body is read away, or the answer says that the connection ends;
    /// 3. panics become a 500 that tells nothing;
    /// 4. `GET /healthz` and `GET /readyz`, for everybody;
    /// 5. [`Front`]: sizes, headers sent twice, `Host` and `Origin`;
    /// 6. [`TimeLimits`] for the body and for the answer;
    /// 7. CORS for other pages, before anyone asks for a credential, because browsers send
    ///    none with a preflight; an `OPTIONS` that is no preflight goes on to the routes;
    /// 8. the routes, whose fallback (that of [`below`](crate::below()), say) stands behind all
    ///    this too.
    ///
    /// Before all of them stands what [`start`](crate::start) knows of the connection.
    pub fn around(self, mut routes: Router, drain: &Drain) -> App {
        if !self.pages.is_empty() {
            routes = routes.layer(from_fn_with_state(cors(&self.pages), answer_pages));
        }
        let routes = routes.layer(from_fn_with_state(self.limits, limit)).layer(self.front.layer());
        let router = probes(routes, &self.ready, drain)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(finish))
            .layer(from_fn_with_state(drain.clone(), trace));
        App {
            router,
            sockets: Sockets::default(),
            drain: drain.clone(),
            follows: self.follows,
            at_start: self.at_start,
            audit: None,
            metrics: None,
        }
    }
}

async fn trace(State(drain): State<Drain>, mut request: Request, next: Next) -> Response {
    let (started, timer) = (Instant::now(), Timer::start());
    let trace = TraceId::of(request.extensions_mut());
    let method = request.method().clone();
    let path = path_for_the_log(&request);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut aside = audit::aside(request.extensions_mut());
    let token = drain.enter();
    let mut response = next.run(request).await;
    if let Some(Panicked(said)) = response.extensions_mut().remove::<Panicked>() {
        let rejection = Rejection::unprotected(format!("a handler panicked: {said}"));
        response = rejection.answer(&Challenge::default(), &mut aside).into_response();
    }
    response.headers_mut().insert(TraceId::HEADER, trace.header_value());
    let endpoint = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    metrics::answered(timer, endpoint, response.status());
    tracing::debug!(
        target: "http",
        trace_id = %trace,
        method = shown::http_method(&method),
        path = %path.escape_debug(),
        status = response.status().as_u16(),
        took = ?started.elapsed(),
    );
    hold(token, &method, response)
}

/// Without what a stranger may have put there: people paste credentials into paths and queries,
/// although no server here reads them. A route is named as it was written here.
fn path_for_the_log(request: &Request) -> String {
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        return route.as_str().to_owned();
    }
    shown::first_segment(request.uri().path())
}

/// Marks a response in whose making something panicked. What was said goes to the log.
#[derive(Clone)]
struct Panicked(&'static str);

fn panicked(payload: Box<dyn Any + Send>) -> http::Response<Full<axum::body::Bytes>> {
    let mut response = http::Response::new(Full::default());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.extensions_mut().insert(Panicked(panics::said(&*payload)));
    response
}

/// The layer itself would answer every `OPTIONS`, and nobody would ask for a credential.
async fn answer_pages(State(cors): State<CorsLayer>, request: Request, next: Next) -> Response {
    let asks = request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS && !asks {
        return next.run(request).await;
    }
    match cors.layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn cors(pages: &[String]) -> CorsLayer {
    let origins = pages.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let mcp = ["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id", "last-event-id"];
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        // A wildcard would not cover Authorization, and there is none for the beginning of a
        // name: headers of `mcp-param-*` are not to be had for pages, and no tool here has one.
        .allow_headers(
            [ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("x-api-key")]
                .into_iter()
                .chain(mcp.map(HeaderName::from_static))
                .collect::<Vec<_>>(),
        )
        .expose_headers([
            WWW_AUTHENTICATE,
            RETRY_AFTER,
            CACHE_CONTROL,
            HeaderName::from_static("mcp-session-id"),
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
            CREDENTIAL_EXPIRES,
            CREDENTIAL_RENEW,
            TraceId::HEADER,
        ])
        .max_age(PREFLIGHT_LIFE)
}
