//! Client for `rbac-server`: takes a token, or signs one itself; the rest is in `client`.

mod demo;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use client::{Cli, Credential, Credentials, Error, Program, note, read_secret_file};
use secrecy::SecretString;

const PROGRAM: Program = Program {
    client: "rbac-client",
    server: "rbac-server",
    default_url: "http://127.0.0.1:8103/mcp",
    keeps_token: false,
};

/// Talk to an MCP server that lets the job_role of a signed token decide.
///
/// The token comes from --token-file, else from the environment variable MCP_TOKEN. Without
/// either, the client signs one itself, as demos do; in production an issuer does that.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    common: Cli,
    /// A file that holds the token, readable by you alone
    #[arg(long, env = "MCP_TOKEN_FILE", global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    demo: demo::Token,
}

fn main() -> ExitCode {
    match client::parse::<Args>(&PROGRAM) {
        Ok(args) => client::run(&PROGRAM, &args.common, credentials(&args)),
        Err(code) => code,
    }
}

fn credentials(args: &Args) -> Result<Arc<dyn Credentials>, Error> {
    Ok(Arc::new(Credential::bearer(token(args)?)?))
}

fn token(args: &Args) -> Result<SecretString, Error> {
    if let Some(path) = &args.token_file {
        return read_secret_file(path)?.ok_or_else(|| {
            let path = path.display();
            Error::Usage(format!("There is no token in {path}: check --token-file."))
        });
    }
    if let Some(token) = std::env::var("MCP_TOKEN").ok().filter(|token| !token.trim().is_empty()) {
        return Ok(token.trim().into());
    }
    let token = args.demo.sign(&args.common)?;
    note(
        "Note: this token is signed by the client itself, for a demo. In production an issuer signs.",
    );
    Ok(token)
}
