//! The flags of `keygen token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::expiry;

/// Options of `keygen token`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Token {
    /// What to do with a token that there is already.
    #[command(subcommand)]
    pub command: Option<TokenCommand>,
    /// The role that the policy of rbac-server knows: Manager, AssistantManager, Officer, Auditor
    #[arg(long, required = true)]
    pub role: Option<String>,
    /// The user, such as bob
    #[arg(long, required = true)]
    pub sub: Option<String>,
    /// A name to show people
    #[arg(long)]
    pub name: Option<String>,
    /// The number by which other systems know the user
    #[arg(long, value_name = "NUMBER")]
    pub id: Option<String>,
    /// How long it lives: 15m, 1h, at most 24h
    #[arg(long, default_value = "1h", value_parser = expiry::span)]
    pub ttl: Duration,
    /// Who issues it; the server has to expect the same
    #[arg(long, default_value = "https://dev-issuer.com", value_name = "NAME")]
    pub issuer: String,
    /// The server it is for; the server has to expect the same
    #[arg(long, default_value = "my-mcp-server", value_name = "NAME")]
    pub audience: String,
    /// Scopes, separated by spaces
    #[arg(long)]
    pub scope: Option<String>,
    /// Write it to a file that only you can read, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// What can be done with a token that there is already.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Refuse a token from now on. Its id and its client are in the log, and what whoami says
    Revoke {
        /// Its id (jti)
        #[arg(allow_hyphen_values = true)]
        jti: String,
        /// The client that it was issued to (client_id)
        #[arg(long, value_name = "ID")]
        client: String,
        /// It is of an issuer elsewhere, as rbac-server takes them: id and client are whatever that
        /// issuer calls them, and cannot be checked here
        #[arg(long)]
        elsewhere: bool,
    },
}
