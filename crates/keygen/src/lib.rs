//! Every credential's birth and death: RSA pairs, secrets, API keys, clients, tokens and
//! certificates.
//!
//! Servers only verify. What they verify is made here, and nothing that is there already is
//! replaced unless that was said.
//!
//! - [`rsa`] makes key pairs; this is the only package of the workspace that can.
//! - [`cert`] makes certificates for trying TLS out.
//! - [`init()`] makes all that the three servers need.
//! - [`run`] is the program: one [`cli::Cli`] in, one [`Report`] out.

mod apikey;
mod backup;
pub mod cert;
pub mod cli;
mod client;
mod error;
mod expiry;
mod handover;
mod import;
mod init;
mod lock;
mod report;
mod rotation;
pub mod rsa;
mod secret;
mod signing_key;
mod table;
mod token;
mod user;

pub use error::Error;
pub use init::{Outcome, init, init_with_store};
pub use report::Report;

use cli::{ApiKeyCommand, Cli, ClientCommand, Command, SigningKeyCommand, UserCommand};

/// Does what the command line says.
///
/// # Errors
/// One sentence that names the fix. Then nothing was changed.
pub fn run(cli: Cli) -> Result<Report, Error> {
    let place = cli.place;
    match cli.command {
        Command::Apikey { command } => match command {
            ApiKeyCommand::Create(options) => apikey::create(&place, options),
            ApiKeyCommand::Rotate(options) => apikey::rotate(&place, options),
            ApiKeyCommand::List => apikey::list(&place),
            ApiKeyCommand::Revoke { id, successors } => apikey::revoke(&place, &id, successors),
        },
        Command::Client { command } => match command {
            ClientCommand::Create(options) => client::create(&place, options),
            ClientCommand::List => client::list(&place),
            ClientCommand::Revoke { id } => client::revoke(&place, &id),
        },
        Command::Backup { file } => backup::run(&place, &file),
        Command::Cert(options) => cert::run(&place, &options),
        Command::Import { from } => import::run(&place, &from),
        Command::Init => init::run(&place),
        Command::Rsa(options) => rsa::run(&place, &options),
        Command::Secret(options) => secret::run(&place, &options),
        Command::SigningKey { command } => match command {
            SigningKeyCommand::List => signing_key::list(&place),
            SigningKeyCommand::Revoke { kid } => signing_key::revoke(&place, &kid),
        },
        Command::Token(options) => token::run(&place, options),
        Command::User { command: UserCommand::Revoke { user } } => user::revoke(&place, &user),
    }
}
