//! The flags of the program.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::Kind;
use crate::load::Served;

/// Three ways to protect an MCP server, side by side.
///
/// Starts the three servers in this process on free loopback ports, with temporary keys and
/// stores, drives each over real HTTP with a real MCP client, and prints what happened in each
/// situation and whether that is right; then what each scheme costs; then what each can and
/// cannot do. It needs no network and leaves nothing behind.
#[derive(clap::Parser)]
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
  cargo build --release -p plain && cargo run --release -p compare -- load
  cargo run --release -p compare -- size --requests 50000 --scheme rbac

The figures of a debug build mean nothing: use --release."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) beside: Option<Beside>,
    /// Print one JSON document: right, machine, situations, costs, abilities, and peers
    #[arg(long, global = true, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print the tables in Markdown, as they stand in the README
    #[arg(long, global = true)]
    pub(crate) markdown: bool,
}

/// What else it can do.
#[derive(clap::Subcommand)]
pub(crate) enum Beside {
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
    /// What each scheme costs a busy server, beside the same without authentication, and rmcp alone
    ///
    /// Each server has a process and a processor of its own, whoever sends has another, and they
    /// take turns. It needs what `cargo build --release -p plain` builds.
    Load {
        /// For how long each server is under load in a round
        #[arg(long, default_value = "1s", value_name = "TIME", value_parser = load_time)]
        lasts: Duration,
        /// How many rounds, whose medians are shown
        #[arg(long, default_value_t = 5, value_name = "N",
              value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// With how many connections; one number or several
        #[arg(long, default_value = "16,64", value_name = "N,N", value_delimiter = ',',
              value_parser = clap::value_parser!(u16).range(1..=256))]
        connections: Vec<u16>,
    },
    /// How many processors, and how much memory, a number of requests a second takes
    ///
    /// Measures a scheme for some seconds on this machine, and reckons from that. What it assumes,
    /// it says.
    Size {
        /// How many requests a second
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        requests: u64,
        /// With which scheme: apikey, jwt or rbac
        #[arg(long, value_name = "SCHEME", value_parser = scheme)]
        scheme: Kind,
    },
    /// One server, in a process that `load` starts
    #[command(hide = true)]
    Serve {
        what: Served,
        #[arg(long)]
        keys: PathBuf,
    },
}

fn load_time(text: &str) -> anyhow::Result<Duration> {
    serve::time(text, Duration::from_millis(10)..=Duration::from_secs(3600))
}

fn scheme(text: &str) -> anyhow::Result<Kind> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == text);
    found.context("give apikey, jwt or rbac")
}
