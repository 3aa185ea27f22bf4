//! What is there without us: servers that ask nobody who is calling, to be measured beside ours.
//!
//! `plain rmcp` is one tool behind rmcp's own service, and nothing else. `plain axum` answers
//! everything with the same few bytes. Each prints its URL, and ends when its standard input does.
//! `compare -- load` starts them.

mod axum_alone;
mod rmcp_alone;

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use anyhow::{Context, bail};
use axum::Router;
use axum::serve::ListenerExt;
use tokio::io::AsyncReadExt;

/// Serves what the first argument says: `rmcp` or `axum`.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let router = match std::env::args().nth(1).as_deref() {
        Some("rmcp") => rmcp_alone::router(),
        Some("axum") => axum_alone::router(),
        _ => bail!("say what to serve: rmcp, or axum"),
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(router))
}

async fn serve(router: Router) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout(), "http://{}/mcp", listener.local_addr()?)?;
    // As our servers have it.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let (mut stdin, mut nothing) = (tokio::io::stdin(), [0]);
    tokio::select! {
        ended = axum::serve(listener, router) => Ok(ended?),
        _ = stdin.read(&mut nothing) => Ok(()),
    }
}
