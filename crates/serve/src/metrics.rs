//! `GET /metrics`, on a listener of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context, anyhow};
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Request, Uri};
use mcp_auth::guard::front::Front;
use mcp_auth::guard::gate::{Check, Gate};
use mcp_auth::metrics::{self, LAYER_BUCKETS, LAYER_DURATION, REQUEST_BUCKETS, REQUEST_DURATION};
use mcp_auth::{Challenge, Rejection};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::deadline::{TimeLimits, limit};
use crate::outer::AtStart;
use crate::run::{bind_for, start};
use crate::{App, Drain, Options, Running, Sockets};

/// Prometheus's text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whoever scrapes needs one connection, and of one address a quarter is allowed.
const MOST_CONNECTIONS: usize = 32;

/// How often what was recorded is summed up: it would pile up until somebody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// A port that is taken, and what will be said there.
#[derive(Clone, Debug)]
pub(crate) struct MetricsListener {
    listener: Arc<TcpListener>,
    front: Front,
    recorder: PrometheusHandle,
}

impl MetricsListener {
    /// Takes the port that `--metrics` names, if it names one, and records from now on.
    ///
    /// # Errors
    /// The port is not to be had, or another program in this process records metrics already.
    pub(crate) fn open(options: &Options) -> anyhow::Result<Option<Self>> {
        let Some(address) = options.metrics else { return Ok(None) };
        let listener = bind_for(address, "--metrics")?;
        let bound = listener.local_addr().context("the listener has no address")?;
        let front = front(options, bound)?;
        let listener = Arc::new(listener);
        Ok(Some(Self { listener, front, recorder: recorder()? }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves in the background, on the runtime that this is called on.
    pub(crate) fn start(self) -> io::Result<Running> {
        let limits = TimeLimits { answer: Duration::from_secs(10), ..TimeLimits::default() };
        let router = Router::new()
            .route("/metrics", get(show))
            .with_state(self.recorder)
            .layer(from_fn_with_state(limits, limit))
            .layer(Gate::new(Own(self.front), Challenge::default()));
        let sockets = Sockets {
            most_connections: MOST_CONNECTIONS,
            listener: "metrics",
            ..Sockets::default()
        };
        let app = App {
            router,
            sockets,
            drain: Drain::new(),
            follows: Vec::new(),
            at_start: AtStart::default(),
            audit: None,
            metrics: None,
        };
        start(self.listener.try_clone()?, app)
    }
}

/// Judges as for every other route, without being one of the layers whose times are recorded.
struct Own(Front);

impl Check for Own {
    type Pass = ();

    fn check<B>(&self, request: &mut Request<B>) -> Result<(), Rejection> {
        self.0.check(request)
    }
}

async fn show(State(recorder): State<PrometheusHandle>) -> Response {
    metrics::sample();
    ([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "no-store")], recorder.render()).into_response()
}

/// A page that a browser loaded from elsewhere is kept out by its name. Whoever scrapes from
/// another machine names an address, or the host of `--public-url`.
fn front(options: &Options, bound: SocketAddr) -> anyhow::Result<Front> {
    let port = bound.port();
    let host = options.public_url.as_ref().and_then(|url| url.uri().host());
    let host = host.map_or_else(|| bound.ip().to_string(), str::to_owned);
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let url: Uri = format!("http://{host}:{port}").parse().context("--public-url names no host")?;
    let front = Front::new(&url, bound.ip().is_loopback());
    Ok(if bound.ip().is_loopback() { front } else { front.by_address() })
}

/// The one recorder of this process, whichever server asks first.
fn recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut installed = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recorder) = &*installed {
        return Ok(recorder.clone());
    }
    let full = |name: &str| Matcher::Full(name.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(full(LAYER_DURATION), &LAYER_BUCKETS)?
        .set_buckets_for_metric(full(REQUEST_DURATION), &REQUEST_BUCKETS)?
        .build_recorder();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder)
        .map_err(|_| anyhow!("this program records metrics already; leave --metrics out"))?;
    metrics::turn_on();
    let upkeep = handle.clone();
    thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            loop {
                thread::sleep(UPKEEP);
                upkeep.run_upkeep();
            }
        })
        .context("cannot start a thread for metrics")?;
    *installed = Some(handle.clone());
    Ok(handle)
}

/// Reads `ADDRESS:PORT`, or a port of this machine alone.
pub(crate) fn address(text: &str) -> anyhow::Result<SocketAddr> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = text.parse().ok().context("a port is a number up to 65535")?;
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    numeric.parse().ok().context("give a port of this machine, such as 9464, or ADDRESS:PORT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        let read = |text: &str| address(text).map(|address| address.to_string()).ok();
        assert_eq!(read("9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(read("localhost:9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(read("0.0.0.0:9464").as_deref(), Some("0.0.0.0:9464"));
        assert_eq!(read("[::1]:9464").as_deref(), Some("[::1]:9464"));
        for text in ["", "65536", "+1", ":9464", "mcp.example:9464", "0.0.0.0", "9464 "] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
