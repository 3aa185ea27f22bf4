//! The command line.

mod token;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use mcp_auth::guard::limit::Rate;
use mcp_auth::shell;

use store::Ledger;

use crate::expiry;
pub use token::{Token, TokenCommand};

/// Makes and revokes the credentials of the three servers.
///
/// Start with `keygen init`, which makes everything the servers need for trying them out on
/// this machine. Nothing is ever replaced without --force, and a secret goes to a file that
/// only you can read unless you say --show.
#[derive(Debug, Parser)]
#[command(name = "keygen", version, arg_required_else_help = true)]
pub struct Cli {
    /// Where things are.
    #[command(flatten)]
    pub place: Place,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where credentials lie, and how to answer.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// Folder for keys and secrets
    #[arg(long, env = "MCP_KEYS", default_value = "keys", value_name = "DIR", global = true)]
    pub keys: PathBuf,
    /// Store of API keys and clients; built with --features postgres also
    /// postgres://USER@HOST/DATABASE, with its password in PGPASSWORD [default: credentials.db in the
    /// keys folder]
    #[arg(
        long,
        env = "MCP_STORE",
        hide_env_values = true,
        value_name = "FILE|ADDRESS",
        global = true
    )]
    pub store: Option<PathBuf>,
    /// Answer with one JSON document
    #[arg(long, env = "MCP_JSON", global = true, value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// What can be made.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make everything the three servers need; what exists is kept
    Init,
    /// Make an RSA key pair for rbac-server: rsa_private.pem signs, rsa_public.pem verifies
    Rsa(Rsa),
    /// Make the secret with which jwt-server signs: jwt.secret
    Secret(Secret),
    /// Create, rotate, list or revoke the API keys of apikey-server
    Apikey {
        /// What to do with keys.
        #[command(subcommand)]
        command: ApiKeyCommand,
    },
    /// Create, list or revoke the clients that jwt-server gives tokens to
    Client {
        /// What to do with clients.
        #[command(subcommand)]
        command: ClientCommand,
    },
    /// Sign a token for trying rbac-server, and print it; or revoke one
    Token(Token),
    /// Revoke all that a user has
    User {
        /// What to do with users.
        #[command(subcommand)]
        command: UserCommand,
    },
    /// List or revoke the keys that sign tokens
    SigningKey {
        /// What to do with them.
        #[command(subcommand)]
        command: SigningKeyCommand,
    },
    /// Make a certificate for trying TLS out, and the CA that signed it
    Cert(Cert),
    /// Copy the store, while servers run
    Backup {
        /// File for the copy, which only you can read. Moved to the place of the store, servers that
        /// run follow it
        file: PathBuf,
    },
    /// Take over all that another store holds, into one that is empty
    ///
    /// What is good there is good here from then on, and what is revoked there is revoked here. What is
    /// changed there later is not seen: change it no more.
    Import {
        /// The other store: a file, or built with --features postgres an address
        #[arg(value_name = "FILE|ADDRESS")]
        from: PathBuf,
    },
}

/// Options of `keygen rsa`.
#[derive(Args, Debug)]
pub struct Rsa {
    /// Size of the key: 2048, 3072 or 4096
    #[arg(long, default_value_t = 2048, value_name = "BITS")]
    pub bits: usize,
    /// Replace the pair that exists; every token signed with it stops working
    #[arg(long, conflicts_with_all = ["rotate", "prune"])]
    pub force: bool,
    /// How it takes over.
    #[command(flatten)]
    pub rotate: Rotate,
}

/// Options of `keygen secret`.
#[derive(Args, Debug)]
pub struct Secret {
    /// File for the secret [default: jwt.secret in the keys folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the one that exists; every token signed with it stops working
    #[arg(long, conflicts_with_all = ["rotate", "prune"])]
    pub force: bool,
    /// How it takes over.
    #[command(flatten)]
    pub rotate: Rotate,
}

/// How a key takes over from another.
#[derive(Args, Debug)]
pub struct Rotate {
    /// Add a key that takes over from the one that exists, which goes on to verify the tokens
    /// that it signed. Servers that run follow by themselves
    #[arg(long, conflicts_with = "prune")]
    pub rotate: bool,
    /// When the new key begins to sign: 30s, 12h, or a time such as 2030-01-01T00:00:00Z; all
    /// servers have to have seen it by then, and whoever keeps a copy of /jwks.json has to have
    /// asked for it anew [default: in 30 seconds]
    #[arg(long, value_name = "WHEN", requires = "rotate", value_parser = expiry::moment)]
    pub at: Option<Timestamp>,
    /// How long after that the keys before it verify: as long as the longest token lives
    /// [default: 24h]
    #[arg(long, value_name = "TIME", requires = "rotate", value_parser = expiry::span)]
    pub overlap: Option<Duration>,
    /// Remove the keys that verify nothing any more
    #[arg(long)]
    pub prune: bool,
}

/// Options of `keygen cert`.
#[derive(Args, Debug)]
pub struct Cert {
    /// A further name or address of the server, beside localhost, 127.0.0.1 and ::1; repeatable
    #[arg(long = "name", value_name = "HOST")]
    pub names: Vec<String>,
    /// How many days it is good for
    #[arg(long, default_value_t = 90, value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(1..=825))]
    pub days: u32,
    /// Keep the key of the CA, which can sign certificates for any name: tls_ca_key.pem
    #[arg(long)]
    pub keep_ca_key: bool,
    /// Replace what exists; clients have to be given the new CA
    #[arg(long)]
    pub force: bool,
}

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key; it goes to a file that only you can read
    Create(CreateApiKey),
    /// Make a key that takes over from another, which stays good for a while
    Rotate(RotateApiKey),
    /// List all keys; the keys themselves are not kept anywhere
    List,
    /// Refuse a key from now on; what is open for it ends
    Revoke {
        /// The id, as `apikey list` shows it. It is also the second part of a key: mcpk_ID_…
        id: String,
        /// Refuse those too that took over from it, as after a theft of its file
        #[arg(long)]
        successors: bool,
    },
}

/// Options of `keygen apikey create`.
#[derive(Args, Debug)]
pub struct CreateApiKey {
    /// Who and where to.
    #[command(flatten)]
    pub holder: Holder,
    /// Role of the holder, for people to read
    #[arg(long)]
    pub role: Option<String>,
    /// A tool that the key may call: its name, a prefix followed by *, or read_only; repeatable
    #[arg(long = "grant", value_name = "RULE", value_parser = rule)]
    pub grants: Vec<String>,
    /// Only tools that change nothing, whatever is granted
    #[arg(long)]
    pub read_only: bool,
    /// How often the key may ask, such as 10/min or 600/h,20, where the server lets it: not oftener
    /// than anybody
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// When the key ends: 30d, 12h, or a time such as 2030-01-01T00:00:00Z [default: never]
    #[arg(long, value_name = "WHEN", value_parser = expiry::moment)]
    pub expires: Option<Timestamp>,
}

/// Options of `keygen apikey rotate`.
#[derive(Args, Debug)]
pub struct RotateApiKey {
    /// The id, as `apikey list` shows it
    pub id: String,
    /// How long the key before stays good: 24h, 7d, but no longer than it would have been
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = expiry::span)]
    pub overlap: Duration,
    /// File for the key [default: named after the owner, in clients/ of the keys folder]
    #[arg(long, value_name = "FILE", conflicts_with = "show")]
    pub out: Option<PathBuf>,
    /// Print the key, once, instead of writing it to a file
    #[arg(long)]
    pub show: bool,
    /// Replace the file if it exists; what was in it works until it ends or is revoked
    #[arg(long)]
    pub force: bool,
}

/// What can be done with clients.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Make a client; its id and secret go to a file that only you can read
    Create(CreateClient),
    /// List all clients; their secrets are not kept anywhere
    List,
    /// Give a client no more tokens, and refuse those it has
    Revoke {
        /// The client id, as `client list` shows it
        id: String,
    },
}

/// What can be done with a user.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Refuse all keys and clients of a user, and all tokens issued until now, whoever issued them.
    /// What the user is given from the next second on is good
    Revoke {
        /// The user, such as bob: an owner, or the sub of tokens
        user: String,
    },
}

/// What can be done with the keys that sign tokens.
#[derive(Debug, Subcommand)]
pub enum SigningKeyCommand {
    /// List those of the keys folder
    List,
    /// Refuse every token that a key signed, from now on and for ever
    Revoke {
        /// Its name (kid), as `signing-key list`, /jwks.json and the head of its tokens show it
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// Options of `keygen client create`.
#[derive(Args, Debug)]
pub struct CreateClient {
    /// Who and where to.
    #[command(flatten)]
    pub holder: Holder,
    /// A scope that the client may ask for, such as weather:read; repeatable
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
}

/// Who a new credential is for, and where it goes.
#[derive(Args, Debug)]
pub struct Holder {
    /// The user whose records it reaches, such as bob
    #[arg(long)]
    pub owner: String,
    /// A name to recognise it by, such as "Bob's laptop"
    #[arg(long)]
    pub name: String,
    /// The number by which other systems know the user
    #[arg(long, value_name = "NUMBER")]
    pub user_number: Option<String>,
    /// File for the secret [default: named after the owner, in clients/ of the keys folder]
    #[arg(long, value_name = "FILE", conflicts_with = "show")]
    pub out: Option<PathBuf>,
    /// Print the secret, once, instead of writing it to a file
    #[arg(long)]
    pub show: bool,
    /// Replace the file if it exists; what was in it works until it is revoked
    #[arg(long)]
    pub force: bool,
}

impl Place {
    /// The store's file.
    pub fn store_file(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| self.keys.join(store::FILE_NAME))
    }

    /// Within what time every server of the store knows of a change.
    pub(crate) fn bound(&self) -> &'static str {
        match Ledger::names_a_server(&self.store_file()) {
            true => "within a second",
            false => "within a quarter of a second",
        }
    }

    /// What has to be added to a command so that it finds the same folder.
    pub(crate) fn flag(&self) -> String {
        keys_flag(&self.keys)
    }

    /// The same for commands that open the store.
    pub(crate) fn flags(&self) -> String {
        match &self.store {
            Some(file) => {
                format!("{} --store {}", self.flag(), shell::word(&file.to_string_lossy()))
            }
            None => self.flag(),
        }
    }
}

/// ` --keys DIR`, or nothing where that is the default.
pub(crate) fn keys_flag(keys_dir: &Path) -> String {
    if keys_dir.as_os_str() == "keys" {
        return String::new();
    }
    format!(" --keys {}", shell::word(&keys_dir.to_string_lossy()))
}

fn rule(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('*').unwrap_or(text);
    let character = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.is_empty() && name.chars().all(character) {
        return Ok(text.to_owned());
    }
    Err("a rule is a tool's name (a-z, 0-9 and _), a prefix followed by *, or read_only".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_promised_is_what_the_store_keeps() {
        let bound = |store: &str| {
            Cli::try_parse_from(["keygen", "--store", store, "init"]).unwrap().place.bound()
        };
        assert_eq!(bound("a.db"), "within a quarter of a second");
        assert_eq!(bound("postgres://mcp@localhost/mcp"), "within a second");
    }

    #[test]
    fn rules_are_names_or_prefixes() {
        for good in ["get_time", "get_*", "*", "read_only"] {
            assert!(rule(good).is_ok(), "{good}");
        }
        for bad in ["", "get time", "get_*_x", "Get", "get.time", "**"] {
            assert!(rule(bad).is_err(), "{bad}");
        }
    }
}
