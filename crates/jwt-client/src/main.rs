//! Client for `jwt-server`: fetches a token and keeps it; the rest is in `client`.

mod account;
mod cache;
mod discover;
mod endpoint;
mod revoke;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::builder::BoolishValueParser;
use client::{Cli, Credentials, Error, Program, parse_url};

use crate::account::Account;
use crate::cache::Cache;
use crate::endpoint::{Revocation, TokenEndpoint};
use crate::token::Tokens;

const PROGRAM: Program = Program {
    client: "jwt-client",
    server: "jwt-server",
    default_url: "http://127.0.0.1:8102/mcp",
    keeps_token: true,
};

/// Talk to an MCP server that asks for a token from its token endpoint.
///
/// The client credentials come from the environment variables MCP_CLIENT_ID and
/// MCP_CLIENT_SECRET, else from --client-file, else from the file that jwt-server or keygen
/// left for --as in the keys folder. The token is kept in the keys folder until it expires.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    common: Cli,
    /// Whose credentials to use: clients/NAME.client.json in the keys folder
    #[arg(long = "as", env = "MCP_AS", global = true, value_name = "NAME", default_value = "bob")]
    account: String,
    /// A file {"client_id": …, "client_secret": …}, readable by you alone
    #[arg(long, env = "MCP_CLIENT_FILE", global = true, value_name = "FILE")]
    client_file: Option<PathBuf>,
    /// Where tokens are to be had [default: /token beside the URL]
    #[arg(long, env = "MCP_TOKEN_URL", global = true, value_name = "URL")]
    token_url: Option<String>,
    /// Ask the server where tokens are to be had (RFC 9728, RFC 8414), and send the client
    /// credentials there: for servers that you trust with them
    #[arg(long, env = "MCP_DISCOVER", global = true, conflicts_with = "token_url",
          value_parser = BoolishValueParser::new())]
    discover: bool,
    /// The scopes to ask for, separated by spaces [default: all that the client may have]
    #[arg(long, env = "MCP_SCOPE", global = true)]
    scope: Option<String>,
    /// The server that the token is for [default: the URL]
    #[arg(long, env = "MCP_RESOURCE", global = true, value_name = "URL")]
    resource: Option<String>,
}

fn main() -> ExitCode {
    match client::parse::<Args>(&PROGRAM) {
        Ok(args) => client::run(&PROGRAM, &args.common, credentials(&args)),
        Err(code) => code,
    }
}

fn credentials(args: &Args) -> Result<Arc<dyn Credentials>, Error> {
    let url = parse_url(&args.common.url)?;
    let (token_url, revocation) = match &args.token_url {
        Some(token_url) => (parse_url(token_url)?, Revocation::Beside),
        None if args.discover => {
            let found = discovered(args)?;
            (found.token, found.revocation.map_or(Revocation::Nowhere, Revocation::At))
        }
        None => {
            let mut token_url = url.clone();
            token_url.set_path("/token");
            token_url.set_query(None);
            (token_url, Revocation::Beside)
        }
    };
    let account = Account::find(&args.common, &args.account, args.client_file.as_deref())?;
    let resource = args.resource.clone().unwrap_or_else(|| args.common.url.clone());
    let cache =
        Cache::new(&args.common.keys, &resource, &token_url, &account, args.scope.as_deref());
    let http = args.common.http_client(&token_url)?;
    let endpoint = TokenEndpoint::new(http, token_url, account, resource, args.scope.clone());
    let endpoint = endpoint.revoking(revocation);
    Ok(Arc::new(Tokens::new(endpoint, cache)))
}

fn discovered(args: &Args) -> Result<discover::Endpoints, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Unexpected(format!("Cannot start: {error}.")))?;
    runtime.block_on(discover::endpoints(&args.common, &args.common.url))
}
