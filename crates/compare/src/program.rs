//! The program: its progress, its exit code.
//!
//! It stands in the library because an `async` body is compiled where it is polled: in the
//! binary, all of the library's would be compiled a second time.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::cli::{Beside, Cli};
use crate::load::{Place, Plan, Sizing};
use crate::{Report, Style, World, bounds, load};

/// A run that is shorter shows no progress.
const SHORT: Duration = Duration::from_secs(1);

/// Runs the comparison that the command line asks for.
///
/// The exit code is 0 if every observation is right, and 1 if one is wrong or the run failed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match &cli.beside {
        // Before there are other threads, for they run where this one does.
        Some(Beside::Serve { what, keys }) => load::serve(*what, keys).map(|()| ExitCode::SUCCESS),
        _ => tokio::runtime::Runtime::new()
            .context("cannot start the runtime")
            .and_then(|runtime| runtime.block_on(until_told_to_end(&cli))),
    };
    ended.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
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
    let next = move |next| stage.send_modify(|stage| *stage = next);
    let made = match &cli.beside {
        Some(Beside::Load { lasts, rounds, connections }) => {
            let connections = connections.iter().map(|&one| one.into()).collect();
            let plan = Plan { lasts: *lasts, rounds: *rounds as usize, connections };
            in_a_place(move |place| load::measure(place, &plan, next)).await.map(Made::Loads)
        }
        Some(Beside::Size { requests, scheme }) => {
            let (requests, scheme) = (*requests, *scheme);
            let measure = move |place: &Place| {
                next(format!("measuring {}", scheme.title()));
                Sizing::measure(requests, scheme, place)
            };
            in_a_place(measure).await.map(Made::Sizing)
        }
        beside => in_a_world(beside.as_ref(), next).await,
    };
    // What told of it is gone with the work.
    progress.await?;
    let (text, right) = made?.printed(cli)?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", text.trim_end())?;
    stdout.flush()?;
    Ok(right)
}

/// With servers in this process.
async fn in_a_world(beside: Option<&Beside>, next: impl Fn(String)) -> anyhow::Result<Made> {
    let store = match beside {
        Some(Beside::Revocation { store, .. }) => store.as_deref(),
        _ => None::<&Path>,
    };
    let world = World::start_on(store, |_, _| ()).await?;
    let made = match beside {
        Some(Beside::Revocation { count, .. }) => {
            bounds::measure(&world, *count as usize, next).await.map(Made::Bounds)
        }
        Some(Beside::Peers) => Report::with_peers(&world, next).await.map(Made::Report),
        _ => Report::make(&world, next).await.map(Made::Report),
    };
    world.stop().await;
    made
}

/// With servers in processes of their own. The folder is held here and not by the thread that
/// measures, which is not waited for when somebody ends the program; the servers end with it.
async fn in_a_place<T: Send + 'static>(
    measure: impl FnOnce(&Place) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let (place, _folder) = Place::new()?;
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || tell.send(measure(&place)));
    told.await.context("what measures has panicked")?
}

/// What there is to be printed.
enum Made {
    Report(Report),
    Bounds(crate::Bounds),
    Loads(crate::Loads),
    Sizing(Sizing),
}

impl Made {
    /// Its text, and whether all of it is right.
    fn printed(&self, cli: &Cli) -> anyhow::Result<(String, bool)> {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let style = if cli.markdown { Style::Markdown } else { Style::Terminal { colour } };
        fn json(made: &impl Serialize) -> anyhow::Result<String> {
            Ok(serde_json::to_string_pretty(made)?)
        }
        Ok(match self {
            Self::Report(made) if cli.json => (json(made)?, made.right),
            Self::Report(made) => (made.text(style), made.right),
            Self::Bounds(made) if cli.json => (json(made)?, made.are_kept()),
            Self::Bounds(made) => (made.text(style), made.are_kept()),
            Self::Loads(made) if cli.json => (json(made)?, true),
            Self::Loads(made) => (made.text(style), true),
            Self::Sizing(made) if cli.json => (json(made)?, true),
            Self::Sizing(made) => (made.text(), true),
        })
    }
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
