//! The flags of this server.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use secrecy::SecretString;
use tools::WeatherProvider;

/// Makes a key that reaches every tool.
pub(crate) const CREATE: &str =
    "cargo run -p keygen -- apikey create --name NAME --owner OWNER --grant '*'";

/// An MCP server that knows its callers by API keys
///
/// On a first run it makes keys for bob and alice, and prints the command of the client.
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "apikey-server",
    version,
    mut_arg("listen", |arg| arg.required(false).default_value("127.0.0.1:8101")),
    after_help = format!("Secrets, from the environment or .env alone:\n  \
        MCP_API_KEY             One key instead of a store of keys, at least 32 characters\n  \
        MCP_API_KEY_OWNER       Whose key that is [default: owner]\n  \
        OPENWEATHERMAP_API_KEY  For --weather openweathermap\n\n\
        Make further keys with:\n  {CREATE}")
)]
pub struct Options {
    /// What all servers have.
    #[command(flatten)]
    pub common: serve::Options,

    /// Where credentials lie.
    #[command(flatten)]
    pub store: serve::StoreOptions,

    /// Also take a key as the password of Authorization: Basic
    #[arg(long, env = "MCP_ACCEPT_BASIC", value_parser = BoolishValueParser::new())]
    pub accept_basic: bool,

    /// What needs a key; has to be said on any address that others can reach [default: mcp]
    #[arg(long, env = "MCP_PROTECT", value_name = "WHAT", value_enum)]
    pub protect: Option<Protect>,

    /// Where get_weather asks: sample (a bundled table), open-meteo or openweathermap
    #[arg(long, env = "MCP_WEATHER", value_name = "PROVIDER", default_value_t)]
    pub weather: WeatherProvider,

    /// The one key of a server without a store.
    #[arg(skip)]
    pub api_key: Option<SecretString>,

    /// Whose key that is.
    #[arg(skip = DEFAULT_OWNER)]
    pub api_key_owner: String,

    /// The key for openweathermap.
    #[arg(skip)]
    pub weather_key: Option<SecretString>,
}

/// What needs a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Protect {
    /// /mcp and everything below it; GET /items is public
    Mcp,
    /// GET /items as well
    All,
}

const DEFAULT_OWNER: &str = "owner";

impl Options {
    /// All defaults, on a free loopback port. Nothing is read from the environment.
    pub fn new(keys: impl Into<PathBuf>) -> Self {
        Self {
            common: serve::Options::new(keys),
            store: serve::StoreOptions::default(),
            accept_basic: false,
            protect: None,
            weather: WeatherProvider::default(),
            api_key: None,
            api_key_owner: DEFAULT_OWNER.to_owned(),
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

    pub(crate) fn protection(&self) -> Protect {
        self.protect.unwrap_or(Protect::Mcp)
    }
}
