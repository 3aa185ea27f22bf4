//! The program: its flags, its progress, its exit code.
//!
//! It stands in the library because an `async` body is compiled where it is polled: in the
//! binary, all of the library's would be compiled a second time.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{Bounds, Report, Style, World, bounds};

/// A run that is shorter shows no progress.
const SHORT: Duration = Duration::from_secs(1);

/// Three ways to protect an MCP server, side by side.
///
/// Starts the three servers in this process on free loopback ports, with temporary keys and
/// stores, drives each over real HTTP with a real MCP client, and prints what happened in each
/// situation and whether that is right; then what each scheme costs; then what each can and
/// cannot do. It needs no network and leaves nothing behind.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Exit code: 0 if every observation is right, 1 if one is wrong or the run failed.

Examples:
  cargo run --release -p compare
  cargo run --release -p compare -- --json | jq .costs
  cargo run --release -p compare -- --markdown
  cargo run --release -p compare -- peers
  cargo run --release -p compare -- revocation

The figures of a debug build mean nothing: use --release."
)]
struct Cli {
    #[command(subcommand)]
    beside: Option<Beside>,
    /// Print one JSON document: right, machine, situations, costs, abilities, and peers
    #[arg(long, global = true, conflicts_with = "markdown")]
    json: bool,
    /// Print the tables in Markdown, as they stand in the README
    #[arg(long, global = true)]
    markdown: bool,
}

#[derive(Subcommand)]
enum Beside {
    /// The same beside servers of other people: FastMCP, with RS256 and with static tokens
    ///
    /// Each is started on a free loopback port in a Python process of its own, asked the same,
    /// and gets a column. ≠ marks where it does something else than we hold right: that is no
    /// error, and does not change the exit code. FastMCP is what scripts/foreign.sh installs, in
    /// a folder of your cache; where it is missing, it is left out, and the tables say so.
    Peers,
    /// How soon a revocation counts, at two servers of each scheme on one store, under load
    ///
    /// Each credential is taken back as keygen does it; from then on it is asked again and again
    /// whether both servers refuse it, and waited for an open stream to end. The exit code is 1 if
    /// more than one in a hundred took longer than is promised.
    Revocation {
        /// How many credentials of each scheme
        #[arg(long, default_value_t = 100, value_name = "N",
              value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
        /// An empty PostgreSQL database to keep them in, postgres://USER@HOST/DATABASE, with its password
        /// in PGPASSWORD; for a program built with --features postgres [default: a SQLite file]
        #[arg(long, value_name = "ADDRESS")]
        store: Option<PathBuf>,
    },
}

/// Runs the comparison that the command line asks for.
///
/// The exit code is 0 if every observation is right, and 1 if one is wrong or the run failed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime");
    match runtime.and_then(|runtime| runtime.block_on(until_told_to_end(&cli))) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever ends it leaves neither keys nor servers behind: they go with what is dropped here. The
/// exit code then is 128 and the signal's number, as shells have it.
async fn until_told_to_end(cli: &Cli) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot hear signals")?;
    tokio::select! {
        right = run(cli) => right.map(|right| if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(128 + 2)),
        _ = terminate.recv() => Ok(ExitCode::from(128 + 15)),
    }
}

async fn run(cli: &Cli) -> anyhow::Result<bool> {
    let (stage, stages) = watch::channel("making keys and starting the servers".to_owned());
    let progress = tokio::spawn(show(stages));
    let store = match &cli.beside {
        Some(Beside::Revocation { store, .. }) => store.as_deref(),
        _ => None,
    };
    let world = World::start_on(store, |_, _| ()).await?;
    let next = |next| stage.send_modify(|stage| *stage = next);
    let made = match &cli.beside {
        None => Report::make(&world, next).await.map(Made::Report),
        Some(Beside::Peers) => Report::with_peers(&world, next).await.map(Made::Report),
        Some(Beside::Revocation { count, .. }) => {
            bounds::measure(&world, *count as usize, next).await.map(Made::Bounds)
        }
    };
    world.stop().await;
    drop(stage);
    progress.await?;
    let made = made?;

    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let style = if cli.markdown { Style::Markdown } else { Style::Terminal { colour } };
    let (text, right) = match &made {
        Made::Report(report) if cli.json => (serde_json::to_string_pretty(report)?, report.right),
        Made::Report(report) => (report.text(style), report.right),
        Made::Bounds(bounds) if cli.json => {
            (serde_json::to_string_pretty(bounds)?, bounds.are_kept())
        }
        Made::Bounds(bounds) => (bounds.text(style), bounds.are_kept()),
    };
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", text.trim_end())?;
    stdout.flush()?;
    Ok(right)
}

/// What there is to be printed.
enum Made {
    Report(Report),
    Bounds(Bounds),
}

/// Says on standard error what is being done, once it has taken a while.
async fn show(mut stages: watch::Receiver<String>) {
    let short = tokio::time::sleep(SHORT);
    tokio::pin!(short);
    loop {
        tokio::select! {
            () = &mut short => break,
            changed = stages.changed() => if changed.is_err() { return },
        }
    }
    loop {
        let _ = writeln!(std::io::stderr(), "compare: {}", *stages.borrow_and_update());
        if stages.changed().await.is_err() {
            return;
        }
    }
}
