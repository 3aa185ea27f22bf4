//! One OpenTelemetry span per request, sent where the standard variables say (feature `otel`).
//!
//! The span is made when the answer is there: only then is it known who asked, and which trace
//! the body continues. A trace is continued for those alone who are known; whoever is not begins
//! one, or strangers could write into the traces of others.

use std::collections::HashMap;
use std::env;
use std::time::SystemTime;

use anyhow::Context as _;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use mcp_auth::audit::{Decision, Pending};
use mcp_auth::authz::Continued;
use mcp_auth::{TraceId, shown};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

/// Nothing is sent unless one of them says where to (OpenTelemetry, OTLP exporter configuration).
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// Asked every second by somebody who reads no traces.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Most characters of a name that a caller sent.
const MOST_SHOWN: usize = 80;

/// Sends spans in the background until it is closed.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Those of the server of this name; `None` if nobody wants them.
    ///
    /// # Errors
    /// A variable that says where to and how cannot be used.
    pub(crate) fn from_environment(server: &'static str) -> anyhow::Result<Option<Self>> {
        if ENDPOINTS.iter().all(|name| env::var_os(name).is_none_or(|value| value.is_empty())) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().build();
        let exporter = exporter.context("cannot send traces; look at the variables OTEL_*")?;
        let resource = Resource::builder();
        let resource = match env::var_os("OTEL_SERVICE_NAME") {
            Some(_) => resource,
            None => resource.with_service_name(server),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Self { provider }))
    }

    /// What makes the spans.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("mcp-auth")
    }

    /// Sends what is left. It blocks, for five seconds at most.
    pub(crate) fn close(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Goes right inside the [`Audit`](mcp_auth::audit::Audit) layer.
pub(crate) async fn span(
    State(tracer): State<SdkTracer>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    if route.is_some_and(|route| PROBES.contains(&route)) {
        return next.run(request).await;
    }
    let start = SystemTime::now();
    let pending = Pending::of(request.extensions()).cloned();
    let continued = Continued::default();
    request.extensions_mut().insert(continued.clone());
    let trace = TraceId::of(request.extensions_mut());
    let method = shown::http_method(request.method()).to_owned();
    let from_header = in_header(request.headers());

    let response = next.run(request).await;

    let mut attributes = vec![
        KeyValue::new("http.request.method", method.clone()),
        KeyValue::new("http.response.status_code", i64::from(response.status().as_u16())),
        KeyValue::new("mcp_auth.request_id", trace.to_string()),
    ];
    attributes.extend(route.map(|route| KeyValue::new("http.route", route.to_owned())));
    let mut parent = Context::new();
    if let Some(pending) = pending {
        pending.so_far(|found| {
            attributes.extend(identity(found));
            if found.user.is_some() {
                parent = continues(&continued, &from_header);
            }
        });
    }
    let name = format!("{method} {}", route.unwrap_or("none"));
    let mut span = tracer
        .span_builder(name)
        .with_kind(SpanKind::Server)
        .with_start_time(start)
        .with_attributes(attributes)
        .start_with_context(&tracer, &parent);
    if response.status().is_server_error() {
        span.set_status(Status::error(response.status().as_str().to_owned()));
    }
    span.end();
    response
}

/// Who asked, and for what. None of it is a credential: that has a name beside its secret.
fn identity(found: &Decision<'_>) -> Vec<KeyValue> {
    let known = found.user.is_some();
    let asked = |name: Option<&str>| {
        let name = name.filter(|_| known);
        name.map(|name| name.chars().take(MOST_SHOWN).collect::<String>())
    };
    let own = |name: Option<&str>| name.map(str::to_owned);
    let all = [
        ("mcp_auth.scheme", own(found.scheme)),
        ("mcp_auth.issuer", own(found.issuer)),
        ("enduser.id", own(found.user)),
        ("mcp_auth.client", own(found.client)),
        ("mcp_auth.credential", own(found.credential)),
        ("mcp.method.name", asked(found.method)),
        ("gen_ai.tool.name", asked(found.tool)),
    ];
    all.into_iter().filter_map(|(name, value)| Some(KeyValue::new(name, value?))).collect()
}

/// The trace that the body names, or else the headers: an MCP client knows more of its own call
/// than whatever carries it.
fn continues(continued: &Continued, from_header: &HashMap<String, String>) -> Context {
    let from_body = continued.get().map(|context| {
        let state = context.tracestate.clone().map(|state| ("tracestate".to_owned(), state));
        let parent = ("traceparent".to_owned(), context.traceparent.clone());
        state.into_iter().chain([parent]).collect::<HashMap<_, _>>()
    });
    TraceContextPropagator::new().extract(from_body.as_ref().unwrap_or(from_header))
}

fn in_header(headers: &HeaderMap) -> HashMap<String, String> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?.to_owned();
        values.next().is_none().then(|| (name.to_owned(), value))
    };
    ["traceparent", "tracestate"].into_iter().filter_map(one).collect()
}
