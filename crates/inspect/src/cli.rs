//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::moment::{earlier, later};

/// Looks at what servers have left behind, and changes nothing.
#[derive(Debug, Parser)]
#[command(name = "inspect", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to look at.
    #[command(subcommand)]
    pub command: Command,
}

/// What there is to look at.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check or read the file that a server writes with --audit-file
    Audit {
        /// What to do with it.
        #[command(subcommand)]
        command: AuditCommand,
    },
}

/// What can be done with an audit file. The full files beside it belong to it.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List decisions: who asked for what, and what was said to it
    Show(Show),
    /// Find the first line that was altered, taken out, put elsewhere or cut off
    Verify(Verify),
}

/// Options of `inspect audit verify`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit code: 0 if all lines are as they were written, 1 if not or if they cannot be read.

Whoever has the key can forge all lines: copy full files to where the server cannot write.")]
pub struct Verify {
    /// The file that was given to the server as --audit-file
    pub file: PathBuf,
    /// The key under which it was written [default: audit.key in the keys folder]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Folder of keys
    #[arg(long, env = "MCP_KEYS", value_name = "DIR", default_value = "keys")]
    pub keys: PathBuf,
    /// Store of the server, which knows too how far the file goes: then nobody can put older files back
    /// unseen. Built with --features postgres also an address
    #[arg(long, env = "MCP_STORE", hide_env_values = true, value_name = "FILE|ADDRESS")]
    pub store: Option<PathBuf>,
    /// The path that was given to the server, if FILE is a copy from elsewhere
    #[arg(long, value_name = "PATH", requires = "store")]
    pub written_as: Option<PathBuf>,
    /// Answer with one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Options of `inspect audit show`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  inspect audit show audit.log --user bob --since 15m
  inspect audit show audit.log --decision refused --summary
  inspect audit show audit.log --json | jq 'select(.status == 403)'

It asks nobody whether the lines are as they were written: inspect audit verify does.")]
pub struct Show {
    /// The file that was given to the server as --audit-file
    pub file: PathBuf,
    /// Only of this user
    #[arg(long)]
    pub user: Option<String>,
    /// Only about this tool
    #[arg(long)]
    pub tool: Option<String>,
    /// Only what was decided so
    #[arg(long, value_enum)]
    pub decision: Option<Decision>,
    /// Only from then on: 15m, 2d, 2026-11-26, or a time such as 2026-11-26T02:22:29Z
    #[arg(long, value_name = "WHEN", value_parser = earlier)]
    pub since: Option<Timestamp>,
    /// Only until then
    #[arg(long, value_name = "WHEN", value_parser = later)]
    pub until: Option<Timestamp>,
    /// Only the request of which an answer said this in x-request-id
    #[arg(long, value_name = "ID")]
    pub trace_id: Option<String>,
    /// Show at most so many, the last ones; 0 for all [default: 100, or all with --json]
    #[arg(long, value_name = "N", conflicts_with = "summary")]
    pub last: Option<usize>,
    /// Count them, by decision, rule, tool and user
    #[arg(long)]
    pub summary: bool,
    /// Answer with a JSON object a line, as it stands in the file; one document with --summary
    #[arg(long)]
    pub json: bool,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Decision {
    /// The request went on
    Allowed,
    /// A token was issued
    Issued,
    /// The request went no further
    Refused,
    /// A token was taken back
    Revoked,
}

impl Decision {
    /// As it stands in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
        }
    }
}
