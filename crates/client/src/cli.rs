//! The commands and flags that all three clients share.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::http::{Url, http_client_trusting, is_loopback};
use crate::{Error, Program, quoted};

/// Flags and commands of a client; flattened into each binary's own.
#[derive(Args, Clone, Debug)]
pub struct Cli {
    /// What to do; without a command, a short tour.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The server's MCP endpoint
    // The default is replaced by each client's own: see `parse`.
    #[arg(long, env = "MCP_URL", global = true, default_value = "http://127.0.0.1/mcp")]
    pub url: String,
    /// The folder that holds keys, and the clients' credentials
    #[arg(long, env = "MCP_KEYS", global = true, value_name = "DIR", default_value = "keys")]
    pub keys: PathBuf,
    /// The protocol revision to speak
    #[arg(long, env = "MCP_PROTOCOL", global = true, value_enum, default_value_t = Protocol::Auto)]
    pub protocol: Protocol,
    /// Trust this CA as well as those of the system: a certificate in PEM, such as
    /// keys/tls_ca.pem
    #[arg(long, env = "MCP_CA", global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Send the credential over http:// to other machines, where anybody on the way can read it
    #[arg(long, env = "MCP_INSECURE_HTTP", global = true, value_parser = BoolishValueParser::new())]
    pub insecure_http: bool,
    /// Print one JSON document instead of text
    #[arg(long, env = "MCP_JSON", global = true, value_parser = BoolishValueParser::new())]
    pub json: bool,
}

impl Cli {
    /// The HTTP client for this URL, with the CA that was named.
    ///
    /// # Errors
    /// When a credential sent there could be read on its way, when that CA cannot be used, or
    /// when the certificates of this machine cannot be loaded.
    pub fn http_client(&self, url: &Url) -> Result<reqwest::Client, Error> {
        if url.scheme() == "http" && !is_loopback(url) && !self.insecure_http {
            return Err(Error::Usage(format!(
                "{url} is not https, so anybody on the way could read the credential. Give an \
                 https URL, or say --insecure-http."
            )));
        }
        http_client_trusting(url, self.ca.as_deref())
    }

    /// ` --keys DIR` for commands shown to people, or nothing where that is the default.
    pub fn keys_flag(&self) -> String {
        if self.keys.as_os_str() == "keys" {
            String::new()
        } else {
            format!(" --keys {}", quoted(&self.keys.to_string_lossy()))
        }
    }
}

/// What a client can be told to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Who the server thinks you are, and what you may call
    Whoami,
    /// The tools that you may call
    Tools,
    /// Call a tool: call get_weather location=London
    Call {
        /// The tool's name
        name: String,
        /// Its arguments; a value that is JSON is taken as JSON, any other as text
        #[arg(value_name = "KEY=VALUE")]
        pairs: Vec<String>,
        /// Its arguments as one JSON object, instead of key=value
        #[arg(long, value_name = "JSON", conflicts_with = "pairs")]
        args: Option<String>,
    },
    /// End the sessions that you have open
    // A client that keeps a token says more: see `parse`.
    Logout,
    /// The sessions that you have open, as clients before 2026-07-28 do
    Sessions {
        /// End this one; may be repeated
        #[arg(long, value_name = "ID")]
        end: Vec<String>,
        /// End all of them
        #[arg(long, conflicts_with = "end")]
        end_all: bool,
    },
    /// Print the credential alone: it is a secret
    Credential {
        /// Print the whole header line, for `curl -H @-`
        #[arg(long, env = "MCP_CREDENTIAL_HEADER", value_parser = BoolishValueParser::new())]
        header: bool,
    },
}

/// Which generation of the protocol to speak.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Protocol {
    /// The newest that the server knows
    #[default]
    Auto,
    /// `initialize`, and a session that ends with the command
    #[value(name = "2025-11-25")]
    V2025_11_25,
    /// `server/discover`, no session
    #[value(name = "2026-07-28")]
    V2026_07_28,
}

/// Reads `.env` in the working directory, and the command line. To be called first in `main`,
/// before any thread runs.
///
/// # Errors
/// The exit code with which to end: 0 after `--help`, 1 after a mistake, which has been told.
/// (clap itself would say 2, which here means refused by the server.)
pub fn parse<A: Parser>(program: &Program) -> Result<A, ExitCode> {
    crate::environment::read_dotenv().map_err(|error| {
        crate::note(&error.to_string());
        ExitCode::FAILURE
    })?;
    let command = definition::<A>(program);
    let parsed =
        command.try_get_matches().and_then(|mut matches| A::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| {
        // Nothing is left to do if the terminal is gone.
        let _ = error.print();
        if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    })
}

/// The flags and commands, with what differs from client to client.
fn definition<A: Parser>(program: &Program) -> clap::Command {
    let command =
        A::command().mut_arg("url", |url| url.default_value(program.default_url)).after_help(
            "Flags with [env: NAME] may be given as that environment variable instead, or in a \
             file .env in the working directory.\n\
             Exit codes: 0 done, 2 refused by the server, 1 any other failure.",
        );
    if !program.keeps_token {
        return command;
    }
    command.mut_subcommand("logout", |logout| {
        logout.about(
            "End the sessions that you have open, drop the token that is kept, and have it revoked",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Example {
        #[command(flatten)]
        common: Cli,
    }

    fn cli(words: &[&str]) -> Result<Cli, clap::Error> {
        let words = [&["client"], words].concat();
        Example::try_parse_from(words).map(|example| example.common)
    }

    #[test]
    fn no_command_is_the_tour_and_flags_may_follow_the_command() {
        assert!(cli(&[]).unwrap().command.is_none());
        let tools = cli(&["tools", "--json", "--protocol", "2025-11-25"]).unwrap();
        assert!(tools.json && matches!(tools.command, Some(Command::Tools)));
        assert_eq!(tools.protocol, Protocol::V2025_11_25);
    }

    #[test]
    fn pairs_and_args_exclude_each_other() {
        assert!(cli(&["call", "get_time", "zone=UTC"]).is_ok());
        assert!(cli(&["call", "get_time", "--args", "{}"]).is_ok());
        assert!(cli(&["call", "get_time", "zone=UTC", "--args", "{}"]).is_err());
    }

    #[test]
    fn the_definition_is_sound() {
        for keeps_token in [false, true] {
            let default_url = "http://127.0.0.1:8101/mcp";
            let (client, server) = ("client", "server");
            let program = Program { client, server, default_url, keeps_token };
            let mut command = definition::<Example>(&program);
            command.clone().debug_assert();
            let help = command.render_help().to_string();
            assert_eq!(help.contains("drop the token"), keeps_token, "{help}");
            for part in ["2 refused by the server", "environment variable"] {
                assert!(help.contains(part), "{help}");
            }
        }
    }
}
