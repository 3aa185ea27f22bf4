//! The flags that all servers have.

use std::fs::DirBuilder;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use http::HeaderValue;
use mcp_auth::guard::front::Front;
use mcp_auth::guard::limit::{Failures, Limit, RateLimit};
use mcp_auth::shell;

use crate::{Audit, LogFormat, Outer, PublicUrl, TimeLimits, Transport, metrics, time};

/// The flags that all servers have. Each may be given as an environment variable instead,
/// and a file `.env` in the working directory is read.
#[derive(Clone, Debug, clap::Args)]
// Each server's own struct is called Options as well, and names a group of flags.
#[group(id = "shared")]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "MCP_LISTEN", value_name = "ADDR", value_parser = address)]
    pub listen: SocketAddr,

    /// Folder of keys, stores and records
    #[arg(long, env = "MCP_KEYS", value_name = "DIR", default_value = "keys")]
    pub keys: PathBuf,

    /// Scheme, host and port under which clients reach this server [default: the address it
    /// listens on]
    #[arg(long, env = "MCP_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,

    /// SQLite file of the tools' data [default: one in the keys folder]
    #[arg(long, env = "MCP_RECORDS", value_name = "FILE")]
    pub records: Option<PathBuf>,

    /// Origins whose web pages may call.
    #[arg(
        long,
        env = "MCP_ALLOW_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
        value_parser = origin,
        help = "Let web pages of this origin call, such as https://app.example; may be repeated"
    )]
    pub allow_origin: Vec<String>,

    /// How often each caller may ask.
    #[arg(
        long,
        env = "MCP_RATE_LIMIT",
        value_name = "LIMIT",
        default_value = Limit::DEFAULT,
        help = "How often each caller may ask, and how often at once: off, or N/PERIOD[,BURST], \
                such as 100/min"
    )]
    pub rate_limit: RateLimit,

    /// How many credentials of one address may fail.
    #[arg(
        long,
        env = "MCP_FAILURE_LIMIT",
        value_name = "LIMIT",
        default_value = Failures::DEFAULT,
        help = "How many credentials from one address may be refused before it is slowed down: \
                off, or N/PERIOD[,BURST], such as 60/min; good ones never are"
    )]
    pub failure_limit: RateLimit,

    /// From when on answers to a credential say that it ends, so long before that: 168h, 90m; but
    /// not before the last tenth of its life. 0: never
    #[arg(long, env = "MCP_EXPIRY_WARNING", value_name = "TIME", default_value = "168h",
          value_parser = |text: &str| time(text, Duration::ZERO..=LONGEST_WARNING))]
    pub expiry_warning: Duration,

    /// How requests arrive.
    #[command(flatten)]
    pub transport: Transport,

    /// Where decisions are written down.
    #[command(flatten)]
    pub audit: Audit,

    /// Where to answer GET /metrics for Prometheus: a port of this machine, or an address and a
    /// port [default: nowhere]
    #[arg(long, env = "MCP_METRICS", value_name = "ADDR", value_parser = metrics::address)]
    pub metrics: Option<SocketAddr>,

    /// What to log, such as info or audit=debug
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = Options::LOG)]
    pub log: String,

    /// How to write the log
    #[arg(long, env = "MCP_LOG_FORMAT", value_name = "FORMAT", default_value_t, value_enum)]
    pub log_format: LogFormat,
}

const LONGEST_WARNING: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Options {
    const LOG: &str = "info,rmcp=error";

    /// All defaults, on a free loopback port. Nothing is read from the environment.
    pub fn new(keys: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            keys: keys.into(),
            public_url: None,
            records: None,
            allow_origin: Vec::new(),
            rate_limit: Limit::DEFAULT.parse().expect("the default is a rate"),
            failure_limit: Failures::DEFAULT.parse().expect("the default is a rate"),
            expiry_warning: Duration::from_secs(7 * 24 * 60 * 60),
            transport: Transport::default(),
            audit: Audit::default(),
            metrics: None,
            log: Self::LOG.to_owned(),
            log_format: LogFormat::Text,
        }
    }

    /// Keeps the limits on and out of reach: for programs that measure, whose requests they would
    /// otherwise count.
    pub fn put_limits_out_of_reach(&mut self) {
        let limit: RateLimit = "1000000/s".parse().expect("this is a rate");
        (self.rate_limit, self.failure_limit) = (limit, limit);
    }

    /// Whether nobody but this machine can reach the server, so that demo values will do.
    ///
    /// A server that listens here and is reached under a public URL is not alone.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback()
            && self.public_url.as_ref().is_none_or(PublicUrl::is_loopback)
    }

    /// The public URL as far as it is known before the port is bound.
    ///
    /// # Errors
    /// It can be reached from elsewhere and was not told under which URL.
    pub fn known_public_url(&self) -> anyhow::Result<Option<PublicUrl>> {
        if let Some(url) = &self.public_url {
            return Ok(Some(url.clone()));
        }
        if !self.listen.ip().is_loopback() {
            bail!(
                "{} can be reached from other machines: say under which URL with --public-url, \
                 such as --public-url https://mcp.example",
                self.listen
            );
        }
        Ok((self.listen.port() != 0).then(|| self.transport.url_of(self.listen)))
    }

    /// The file of the tools' data, for the server of this name. Its folder is made if it is the
    /// keys folder.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn records_of(&self, server: &str) -> anyhow::Result<PathBuf> {
        if let Some(file) = &self.records {
            return Ok(file.clone());
        }
        let folder = &self.keys;
        DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| {
            format!("cannot make the folder {}; choose another with --keys", folder.display())
        })?;
        Ok(folder.join(format!("records-{server}.db")))
    }

    /// What surrounds the routes of a server that is reached under this URL. It answers under
    /// the names of this machine as well, unless others can reach it.
    pub fn outer(&self, url: &PublicUrl) -> Outer {
        let own = Front::new(url.uri(), self.is_loopback());
        let front = self.allow_origin.iter().fold(own, |front, page| front.allow_origin(page));
        let limits = TimeLimits { answer: self.transport.request_timeout, ..TimeLimits::default() };
        Outer::new(front).pages(&self.allow_origin).time_limits(limits)
    }

    /// ` --keys DIR` for commands shown to people, or nothing where that is the default.
    pub fn keys_flag(&self) -> String {
        if self.keys.as_os_str() == "keys" {
            String::new()
        } else {
            format!(" --keys {}", shell::word(&self.keys.to_string_lossy()))
        }
    }
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    numeric.parse().ok().context("give an IP address and a port, such as 127.0.0.1:8101")
}

fn origin(text: &str) -> anyhow::Result<String> {
    let url: PublicUrl = text.parse()?;
    HeaderValue::from_str(url.origin()).context("an origin has to fit into a header")?;
    Ok(url.origin().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_a_public_url_is_not_on_its_own() {
        let mut options = Options::new("keys");
        assert!(options.is_loopback());
        options.public_url = Some("https://mcp.example".parse().unwrap());
        assert!(!options.is_loopback());
        options.public_url = Some("http://localhost:8101".parse().unwrap());
        assert!(options.is_loopback());
        options.listen = "0.0.0.0:8101".parse().unwrap();
        assert!(!options.is_loopback());
    }

    #[test]
    fn beyond_loopback_the_url_has_to_be_said() {
        let mut options = Options::new("keys");
        assert_eq!(options.known_public_url().unwrap(), None);
        options.listen = "0.0.0.0:8101".parse().unwrap();
        let error = options.known_public_url().unwrap_err().to_string();
        assert!(error.contains("--public-url https://"), "{error}");
    }
}
