//! The flags that say how requests arrive: TLS, time limits, connections, proxies.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::builder::BoolishValueParser;
use mcp_auth::guard::peer::{Network, Proxies};

use crate::PublicUrl;
use crate::deadline::TimeLimits;
use crate::run::Sockets;
use crate::time::time;
use crate::tls::Tls;

/// Most connections at a time, if nothing else is said.
const MOST_CONNECTIONS: u32 = 1024;

const SHORTEST_ANSWER: Duration = Duration::from_secs(1);
const LONGEST_ANSWER: Duration = Duration::from_secs(3600);

/// The flags that say how requests arrive.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "transport")]
pub struct Transport {
    /// Certificate of this server in PEM, with the chain up to its CA; used anew when it changes
    #[arg(long, env = "MCP_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate in PEM, which only its owner may read
    #[arg(long, env = "MCP_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Take plain HTTP from other machines, or under a public URL without TLS: everybody on the
    /// way can read the credentials and use them. A TLS proxy on this machine does not need it:
    /// listen on 127.0.0.1 instead
    #[arg(long, env = "MCP_INSECURE_HTTP", value_parser = BoolishValueParser::new())]
    pub insecure_http: bool,

    /// Proxies whose X-Forwarded-For is believed.
    #[arg(
        long,
        env = "MCP_TRUSTED_PROXY",
        value_name = "NET",
        value_delimiter = ',',
        help = "Believe the X-Forwarded-For of this proxy, an address or a network such as \
                10.0.0.0/8; may be repeated"
    )]
    pub trusted_proxy: Vec<Network>,

    /// How long a call may take until its answer begins: 60s, 5m; at most 1h
    #[arg(long, env = "MCP_REQUEST_TIMEOUT", value_name = "TIME", default_value = "60s",
          value_parser = |text: &str| time(text, SHORTEST_ANSWER..=LONGEST_ANSWER))]
    pub request_timeout: Duration,

    /// Connections at a time, of which one address may have a quarter
    #[arg(long, env = "MCP_MAX_CONNECTIONS", value_name = "N", default_value_t = MOST_CONNECTIONS,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            tls_cert: None,
            tls_key: None,
            insecure_http: false,
            trusted_proxy: Vec::new(),
            request_timeout: TimeLimits::default().answer,
            max_connections: MOST_CONNECTIONS,
        }
    }
}

impl Transport {
    /// Whether this server itself speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// The URL of a server that is reached directly under this address.
    pub(crate) fn url_of(&self, address: SocketAddr) -> PublicUrl {
        if self.is_tls() { PublicUrl::with_tls(address) } else { PublicUrl::of(address) }
    }

    /// Whether the flags go together, with each other and with where the server listens.
    ///
    /// # Errors
    /// One sentence that names the flags that mend it.
    pub(crate) fn check(&self, listen: SocketAddr, url: Option<&PublicUrl>) -> anyhow::Result<()> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => bail!("--tls-cert needs its private key: add --tls-key FILE"),
            (None, Some(_)) => bail!("--tls-key needs its certificate: add --tls-cert FILE"),
            _ => {}
        }
        if self.is_tls() {
            if self.insecure_http {
                bail!("--insecure-http is for a server without --tls-cert; leave one of them out");
            }
            if let Some(url) = url.filter(|url| !url.is_https()) {
                bail!(
                    "with --tls-cert clients reach this server by https: {url} cannot be its \
                       --public-url"
                );
            }
        } else if !self.insecure_http {
            if !listen.ip().is_loopback() {
                bail!(
                    "{listen} can be reached from other machines, and credentials would travel \
                     unencrypted: give --tls-cert and --tls-key (cargo run -p keygen -- cert makes \
                     both, to try out), or listen on 127.0.0.1 behind a TLS proxy on this machine, \
                     or say --insecure-http"
                );
            }
            if let Some(url) = url.filter(|url| !url.is_https() && !url.is_loopback()) {
                bail!(
                    "credentials would travel to {url} unencrypted: give as --public-url the \
                     https:// address of a TLS proxy on this machine, or one that this server \
                     serves itself with --tls-cert and --tls-key, or say --insecure-http"
                );
            }
        }
        Ok(())
    }

    /// Opens what the flags name.
    ///
    /// # Errors
    /// Certificate or key cannot be used.
    pub fn open(&self) -> anyhow::Result<Sockets> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some(Tls::open(cert, key)?),
            _ => None,
        };
        Ok(Sockets {
            proxies: Arc::new(self.proxies()),
            most_connections: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
            tls,
            ..Sockets::default()
        })
    }

    fn proxies(&self) -> Proxies {
        self.trusted_proxy.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, url: Option<&str>, change: impl FnOnce(&mut Transport)) -> String {
        let mut transport = Transport::default();
        change(&mut transport);
        let url = url.map(|url| url.parse().unwrap());
        match transport.check(listen.parse().unwrap(), url.as_ref()) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    fn tls(transport: &mut Transport) {
        transport.tls_cert = Some("cert.pem".into());
        transport.tls_key = Some("key.pem".into());
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for listen in ["127.0.0.1:1", "[::1]:1"] {
            assert_eq!(check(listen, None, |_| ()), "");
            // A TLS proxy on this machine.
            assert_eq!(check(listen, Some("https://mcp.example"), |_| ()), "");
        }
        for listen in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
            let error = check(listen, Some("https://mcp.example"), |_| ());
            for fix in ["--tls-cert", "--tls-key", "keygen -- cert", "--insecure-http"] {
                assert!(error.contains(fix), "{error}");
            }
            assert_eq!(check(listen, None, |transport| transport.insecure_http = true), "");
            assert_eq!(check(listen, Some("https://mcp.example"), tls), "");
        }
    }

    #[test]
    fn a_public_url_without_tls_has_to_be_meant() {
        for listen in ["127.0.0.1:1", "[::1]:1"] {
            let error = check(listen, Some("http://mcp.example"), |_| ());
            for fix in ["--public-url", "https://", "--tls-cert", "--insecure-http"] {
                assert!(error.contains(fix), "{error}");
            }
            assert_eq!(check(listen, Some("http://localhost:8101"), |_| ()), "");
            let meant = |transport: &mut Transport| transport.insecure_http = true;
            assert_eq!(check(listen, Some("http://mcp.example"), meant), "");
        }
    }

    #[test]
    fn flags_that_contradict_each_other_are_named() {
        let listen = "127.0.0.1:1";
        let one = check(listen, None, |transport| transport.tls_cert = Some("cert.pem".into()));
        assert!(one.contains("add --tls-key"), "{one}");
        let one = check(listen, None, |transport| transport.tls_key = Some("key.pem".into()));
        assert!(one.contains("add --tls-cert"), "{one}");
        let plain = check(listen, Some("http://mcp.example"), tls);
        assert!(plain.contains("--public-url"), "{plain}");
        let both = check(listen, None, |transport| {
            tls(transport);
            transport.insecure_http = true;
        });
        assert!(both.contains("--insecure-http"), "{both}");
    }
}
