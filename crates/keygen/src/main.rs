//! `keygen`: makes and revokes the credentials of the three servers.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use keygen::cli::Cli;

fn main() -> ExitCode {
    // Before the command line is read: it may set what flags default to.
    if let Err(sentence) = read_environment_file() {
        return failed(sentence);
    }
    let cli = Cli::parse();
    let as_json = cli.place.json;
    match keygen::run(cli) {
        Ok(report) => print(&report.render(as_json)),
        Err(error) => failed(&error.to_string()),
    }
}

/// Of a wrong file no line is repeated, because it may hold a secret.
fn read_environment_file() -> Result<(), &'static str> {
    let path = Path::new(".env");
    match dotenvy::from_path(path) {
        Err(dotenvy::Error::LineParse(..)) => {
            Err(".env has a line that is not NAME=value; mend it, or remove the file")
        }
        Err(_) if path.exists() => Err("cannot read .env; make it readable, or remove it"),
        _ => Ok(()),
    }
}

fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&format!("cannot print: {error}")),
    }
}

fn failed(sentence: &str) -> ExitCode {
    // If that fails too, the exit code says it.
    let _ = writeln!(io::stderr(), "keygen: {sentence}");
    ExitCode::FAILURE
}
