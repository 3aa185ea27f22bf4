//! Listening, serving, ending.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use hyper_util::rt::TokioTimer;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::{App, Drain, PublicUrl};

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

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
}

/// Takes the port.
///
/// # Errors
/// The port is not to be had; the sentence names `--listen`.
pub fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let next = SocketAddr::new(address.ip(), address.port().wrapping_add(10));
        match error.kind() {
            io::ErrorKind::AddrInUse => anyhow::anyhow!(
                "{address} is in use already; end what runs there, or choose another port, such \
                 as --listen {next}"
            ),
            _ => anyhow::anyhow!("cannot listen on {address}: {error}; choose another --listen"),
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
    // HTTP/1 alone: while the version is still open, no time limit would hold.
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(NoDelayAcceptor::new())
        .http1_only()
        .handle(handle.clone());
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let task = tokio::spawn(server.serve(app.router.into_make_service()));
    Ok(Running { addr, handle, drain: app.drain, task: Some(task) })
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
        PublicUrl::of(self.addr).mcp()
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
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}
