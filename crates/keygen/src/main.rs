//! `keygen`: makes and revokes the credentials of the three servers.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use keygen::cli::Cli;
use serde_json::json;

fn main() -> ExitCode {
    // Before the command line is read: it may set what flags default to.
    if let Err(error) = mcp_auth::dotenv::read() {
        return failed(&error.to_string(), std::env::args_os().any(|word| word == "--json"));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if is_bad_variable(&error) => {
            return failed(
                "the environment variable MCP_JSON is not true or false; mend or unset it",
                false,
            );
        }
        Err(error) => error.exit(),
    };
    let as_json = cli.place.json;
    match keygen::run(cli) {
        Ok(report) => print(&report.render(as_json)),
        Err(error) => failed(&error.to_string(), as_json),
    }
}

/// The flag itself takes no value, so that a wrong one came from the environment.
fn is_bad_variable(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::ValueValidation
        && error.get(ContextKind::InvalidArg) == Some(&ContextValue::String("--json".to_owned()))
}

fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&format!("cannot print: {error}"), false),
    }
}

/// Whoever asked for JSON reads standard output, as with the clients.
fn failed(sentence: &str, as_json: bool) -> ExitCode {
    // If that fails too, the exit code says it.
    let _ = if as_json {
        writeln!(io::stdout(), "{:#}", json!({ "ok": false, "message": sentence }))
    } else {
        writeln!(io::stderr(), "keygen: {sentence}")
    };
    ExitCode::FAILURE
}
