//! Listening, serving, ending.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use audit::AuditFile;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::map_request_with_state;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use mcp_auth::guard::peer::{Peer, Proxies};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::connections::Admission;
use crate::follow::Watch;
use crate::tls::Tls;
use crate::{App, Drain, PublicUrl};

/// How connections are treated. All of it has defaults, with which tests and comparisons run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sockets {
    /// How long a client may take to send the head of a request, and how long a connection may
    /// be idle before the next one: 10 s.
    pub head: Duration,
    /// How long a client may take nothing of what it is sent: 30 s.
    pub slow_reader: Duration,
    /// Most connections at a time, of which one address may have a quarter: 1024.
    pub most_connections: usize,
    /// Whose `X-Forwarded-For` is believed: nobody's.
    pub proxies: Arc<Proxies>,
    /// What the listener is called where connections are counted: mcp.
    pub(crate) listener: &'static str,
    /// Certificate and key. Without them the server speaks plain HTTP.
    pub(crate) tls: Option<Tls>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            slow_reader: Duration::from_secs(30),
            most_connections: 1024,
            proxies: Arc::default(),
            listener: "mcp",
            tls: None,
        }
    }
}

/// How long a client may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long all connections may take to end, after which they are cut.
const GRACE: Duration = Duration::from_secs(4);

/// A server that runs in this process. It ends at once when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// The address it listens on.
    pub addr: SocketAddr,
    handle: Handle<SocketAddr>,
    drain: Drain,
    task: Option<JoinHandle<io::Result<()>>>,
    tls: bool,
    /// Follows the certificate, and what else is read again while the server runs.
    _watch: Watch,
    /// The listener for metrics, which ends after the server.
    metrics: Option<Box<Running>>,
    /// Closed when everything else has ended.
    audit: Option<AuditFile>,
}

/// Takes the port.
///
/// # Errors
/// The port is not to be had; the sentence names `--listen`.
pub fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind_for(address, "--listen")
}

/// The same for the port that this flag names.
pub(crate) fn bind_for(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let next = SocketAddr::new(address.ip(), address.port().wrapping_add(10));
        match error.kind() {
            io::ErrorKind::AddrInUse => anyhow::anyhow!(
                "{address} is in use already; end what runs there, or choose another port, such \
                 as {flag} {next}"
            ),
            _ => anyhow::anyhow!("cannot listen on {address}: {error}; choose another {flag}"),
        }
    })?;
    listener.set_nonblocking(true).context("cannot listen without blocking")?;
    Ok(listener)
}

/// Serves in the background, on the runtime that this is called on.
///
/// # Errors
/// The listener cannot be used.
pub fn start(listener: TcpListener, app: App) -> io::Result<Running> {
    let addr = listener.local_addr()?;
    let handle = Handle::new();
    let App { router, sockets, drain, mut follows, at_start, audit, metrics } = app;
    let Sockets { head, slow_reader, most_connections, proxies, listener: name, tls } = sockets;
    let admission =
        Admission::new(most_connections, Arc::clone(&proxies), slow_reader).counted(name);
    let service = router
        .layer(map_request_with_state(proxies, peer))
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = axum_server::from_tcp(listener)?.handle(handle.clone());
    follows.extend(tls.as_ref().map(Tls::follow));
    let watch = Watch::start(follows)?;
    at_start.begin();
    let is_tls = tls.is_some();
    let task = match tls {
        None => tokio::spawn(http1(server.acceptor(admission), head).serve(service)),
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls.config)
                .handshake_timeout(HANDSHAKE_TIMEOUT)
                .acceptor(admission);
            tokio::spawn(http1(server.acceptor(acceptor), head).serve(service))
        }
    };
    let metrics = metrics.map(|listener| listener.start()).transpose()?.map(Box::new);
    let task = Some(task);
    Ok(Running { addr, handle, drain, task, tls: is_tls, _watch: watch, metrics, audit })
}

/// HTTP/1 alone: while the version is still open, no time limit would hold.
///
/// hyper counts the time for a head from the end of the request before, so that it also ends
/// connections that are idle.
fn http1<A>(server: Server<SocketAddr, A>, head: Duration) -> Server<SocketAddr, A> {
    let mut server = server.http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(head);
    server
}

/// Says from which address a request comes, before anything else looks at it.
async fn peer(
    State(proxies): State<Arc<Proxies>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Request {
    let client = proxies.client_address(connection.ip(), request.headers());
    request.extensions_mut().insert(Peer(client));
    request
}

/// Serves until Ctrl-C or SIGTERM, then drains. A second signal ends it at once.
///
/// `ready` is called as soon as connections are taken and signals are heard.
///
/// # Errors
/// The listener cannot be used, or signals cannot be received.
pub async fn run(listener: TcpListener, app: App, ready: impl FnOnce()) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut asked = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let running = start(listener, app)?;
    ready();
    asked().await;
    tracing::info!("ending: no new connections, open calls are finished");
    tokio::select! {
        () = running.stop() => tracing::info!("ended"),
        () = asked() => tracing::warn!("ended at once"),
    }
    Ok(())
}

impl Running {
    /// The URL of its MCP endpoint.
    pub fn url(&self) -> String {
        if self.tls { PublicUrl::with_tls(self.addr) } else { PublicUrl::of(self.addr) }.mcp()
    }

    /// The address of the listener for metrics, if there is one.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|running| running.addr)
    }

    /// Takes no new connections, finishes open calls, ends streams, and returns when all
    /// connections are closed: after four seconds at the latest.
    pub async fn stop(mut self) {
        self.handle.graceful_shutdown(Some(GRACE));
        self.drain.run().await;
        if let Some(task) = self.task.take()
            && let Ok(Err(error)) = task.await
        {
            tracing::error!(%error, "the server ended with an error");
        }
        if let Some(audit) = self.audit.take() {
            // It may wait for the disk.
            let _ = tokio::task::spawn_blocking(move || audit.close()).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}
