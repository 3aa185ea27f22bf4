//! Where events go: standard error, as text or as JSON.

use std::io::{self, IsTerminal};

use anyhow::{Context, anyhow};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Options;
use crate::line::Lines;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One object per line, for programs
    Json,
}

/// Sends all events of this process to standard error.
pub(crate) fn init(options: &Options) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&options.log).with_context(|| {
        format!("--log {:?} is not a filter; try --log info or --log audit=debug", options.log)
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = Lines { to: io::stderr, format: options.log_format };
    let done = match options.log_format {
        LogFormat::Text => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let text = tracing_subscriber::fmt::layer().with_writer(lines).with_ansi(colour);
            registry.with(text).try_init()
        }
        LogFormat::Json => {
            let json = tracing_subscriber::fmt::layer().json().flatten_event(true);
            registry.with(json.with_writer(lines)).try_init()
        }
    };
    done.map_err(|error| anyhow!("cannot set up the log: {error}"))
}
