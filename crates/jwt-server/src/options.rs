//! The flags of this server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use axum::http::Uri;
use clap::builder::BoolishValueParser;
use mcp_auth::authn::jwt::remembered;
use secrecy::SecretString;
use serve::PublicUrl;
use tools::WeatherProvider;

/// Makes a client that may ask for every scope.
pub(crate) const CREATE: &str = "cargo run -p keygen -- client create --name NAME --owner OWNER \
    --scope \"weather:read payments:read shopping:read shopping:write shopping:remove\"";

/// An MCP server that knows its callers by short-lived tokens, which it issues at /token
///
/// On a first run it makes a secret, and clients for bob and alice, and prints the command of
/// the client.
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "jwt-server",
    version,
    mut_arg("listen", |arg| arg.required(false).default_value("127.0.0.1:8102")),
    after_help = format!("Secrets, from the environment or .env alone:\n  \
        OPENWEATHERMAP_API_KEY  For --weather openweathermap\n\n\
        Make further clients with:\n  {CREATE}")
)]
pub struct Options {
    /// What all servers have.
    #[command(flatten)]
    pub common: serve::Options,

    /// Where credentials lie.
    #[command(flatten)]
    pub store: serve::StoreOptions,

    /// Who issues the tokens, as they say it themselves [default: the public URL]
    #[arg(long, env = "MCP_ISSUER", value_name = "URL", value_parser = issuer)]
    pub issuer: Option<String>,

    /// For whom the tokens are, as they say it themselves [default: the public URL of /mcp]
    #[arg(long, env = "MCP_AUDIENCE", value_name = "URL")]
    pub audience: Option<String>,

    /// How long a token lives: 60m, 1h 30m, 90s; from a minute to 24h
    #[arg(long, env = "MCP_TOKEN_TTL", value_name = "TIME", default_value = "60m",
          value_parser = |text: &str| serve::time(text, SHORTEST_TTL..=LONGEST_TTL))]
    pub token_ttl: Duration,

    /// File of the secret that signs tokens; used anew when it changes [default: jwt.secret in the
    /// keys folder]
    #[arg(long, env = "MCP_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,

    /// How many tokens are remembered once they were verified, so that their signatures are not
    /// looked at again; all else about them is, at every use. 0: none
    #[arg(long, env = "MCP_REMEMBER_TOKENS", value_name = "N", default_value_t = remembered::DEFAULT)]
    pub remember_tokens: usize,

    /// Read JSON bodies at /token and /revoke as well. OAuth is form-encoded: this is for
    /// clients that send JSON and cannot be changed
    #[arg(long, env = "MCP_ACCEPT_JSON", value_parser = BoolishValueParser::new())]
    pub accept_json: bool,

    /// Where get_weather asks: sample (a bundled table), open-meteo or openweathermap
    #[arg(long, env = "MCP_WEATHER", value_name = "PROVIDER", default_value_t)]
    pub weather: WeatherProvider,

    /// The key for openweathermap.
    #[arg(skip)]
    pub weather_key: Option<SecretString>,
}

const DEFAULT_TTL: Duration = Duration::from_secs(60 * 60);
/// Clients renew half a minute before the end.
const SHORTEST_TTL: Duration = Duration::from_secs(60);
const LONGEST_TTL: Duration = Duration::from_secs(24 * 60 * 60);

impl Options {
    /// All defaults, on a free loopback port. Nothing is read from the environment.
    pub fn new(keys: impl Into<PathBuf>) -> Self {
        Self {
            common: serve::Options::new(keys),
            store: serve::StoreOptions::default(),
            issuer: None,
            audience: None,
            token_ttl: DEFAULT_TTL,
            secret_file: None,
            remember_tokens: remembered::DEFAULT,
            accept_json: false,
            weather: WeatherProvider::default(),
            weather_key: None,
        }
    }

    pub(crate) fn store_file(&self) -> PathBuf {
        self.store.path(&self.common, store::FILE_NAME)
    }

    /// What has to be added to a keygen command so that it finds the same store.
    pub(crate) fn store_flags(&self) -> String {
        self.store.flags(&self.common)
    }

    pub(crate) fn secret_path(&self) -> PathBuf {
        self.secret_file.clone().unwrap_or_else(|| self.common.keys.join("jwt.secret"))
    }

    pub(crate) fn issuer_under(&self, url: &PublicUrl) -> String {
        self.issuer.clone().unwrap_or_else(|| url.origin().to_owned())
    }
}

/// RFC 8414 §2: `https`, without query and fragment. On this machine `http` will do.
fn issuer(text: &str) -> anyhow::Result<String> {
    let host = text.find("://").map_or(0, |at| at + 3);
    let end = text[host..].find('/').map_or(text.len(), |at| host + at);
    let safe =
        text[..end].parse::<PublicUrl>().is_ok_and(|url| url.is_https() || url.is_loopback());
    // Parsing as a URI would drop a fragment silently.
    if !safe || text.contains(['?', '#']) || text.parse::<Uri>().is_err() {
        bail!(
            "give an https URL (or http on this machine) without query and fragment, such as \
             https://issuer.example"
        );
    }
    if issuer::is_router_pattern(&text[end..]) {
        bail!("give a URL without *, {{, }} and /: in its path: its metadata could not be served");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_safe_url() {
        for text in ["https://a.example", "https://a.example/b", "http://127.0.0.1:8102"] {
            assert_eq!(issuer(text).unwrap(), text);
        }
        for text in [
            "",
            "not a url",
            "a.example",
            "http://a.example",
            "https://",
            "https://a.example/b c",
            "https://a.example?b",
            "https://a.example/#b",
            "https://bob@a.example",
            "https://a.example/:x",
            "https://a.example/b/*",
            "https://a.example/{b}",
        ] {
            assert!(issuer(text).is_err(), "{text}");
        }
        let flags = ["jwt-server", "--issuer", "not a url"];
        assert!(<Options as clap::Parser>::try_parse_from(flags).is_err());
    }
}
