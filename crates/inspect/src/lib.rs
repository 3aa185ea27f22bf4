//! The operator's program: it looks at what servers have left behind, and changes nothing.
//!
//! - [`cli`] is the command line: a subcommand for each kind of thing there is to look at.
//! - `audit` reads audit files: whether they are whole, and what is in them.

mod audit;
pub mod cli;
mod moment;
mod output;

use std::process::ExitCode;

use clap::Parser;

use cli::{AuditCommand, Cli, Command};
use output::failed;

/// Does what the command line says.
///
/// The exit code is 0 if all is well, 1 if something is damaged or cannot be read, and 2 for a
/// mistake on the command line.
pub fn main() -> ExitCode {
    // Before the command line is read: it may set what flags default to.
    if let Err(error) = mcp_auth::dotenv::read() {
        return failed(&error.to_string(), std::env::args_os().any(|word| word == "--json"));
    }
    let cli = Cli::parse();
    let Command::Audit { command } = cli.command;
    let (as_json, done) = match command {
        AuditCommand::Show(options) => (options.json, audit::show(&options)),
        AuditCommand::Verify(options) => (options.json, audit::verify(&options)),
    };
    match done {
        Ok(code) => code,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failed(&mcp_auth::sentence(error.as_ref()), as_json),
    }
}
