//! The URL under which clients reach a server.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;

/// Scheme, host and port under which clients reach this server: `https://mcp.example`.
///
/// It comes from configuration or from the bound address, never from a request. What is
/// said about the server to clients, and what tokens are for, is derived from it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl {
    uri: Uri,
    origin: String,
}

/// Why a text is not a [`PublicUrl`].
#[derive(Debug, thiserror::Error)]
#[error("give scheme, host and port alone, such as https://mcp.example or http://127.0.0.1:8101")]
pub struct PublicUrlError;

impl PublicUrl {
    /// The URL of a server that is reached directly under the address it has bound.
    pub fn of(address: SocketAddr) -> Self {
        Self::under("http", address)
    }

    /// The same, of a server that itself speaks TLS.
    pub fn with_tls(address: SocketAddr) -> Self {
        Self::under("https", address)
    }

    fn under(scheme: &str, address: SocketAddr) -> Self {
        format!("{scheme}://{address}").parse().expect("an address and a port make a URL")
    }

    /// The URL of the MCP endpoint, which is also the resource that tokens are for
    /// (RFC 8707 §2).
    pub fn mcp(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// Scheme, host and port, without a slash behind them.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The same, parsed.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether it names this machine, and nobody else can reach it.
    pub fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether what travels to it is encrypted.
    pub fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let text = text.to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or(PublicUrlError)?;
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(PublicUrlError),
        };
        let host = rest.strip_suffix('/').unwrap_or(rest);
        // Browsers and clients leave the default port out of `Host` and `Origin`.
        let host = host.strip_suffix(default_port).unwrap_or(host);
        let authority: Authority = host.parse().map_err(|_| PublicUrlError)?;
        let port_is_good = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => true,
            Some(_) => authority.port_u16().is_some_and(|port| port != 0),
            // Something stands before the host: a user name.
            None => false,
        };
        if !port_is_good || authority.host().is_empty() {
            return Err(PublicUrlError);
        }
        let origin = format!("{scheme}://{authority}");
        let uri = origin.parse().map_err(|_| PublicUrlError)?;
        Ok(Self { uri, origin })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_and_nothing_else() {
        for (text, origin) in [
            ("https://mcp.example", "https://mcp.example"),
            ("https://mcp.example/", "https://mcp.example"),
            ("HTTPS://MCP.Example:443", "https://mcp.example"),
            ("http://mcp.example:443", "http://mcp.example:443"),
            ("http://[::1]:8101", "http://[::1]:8101"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().origin(), origin);
        }
        for text in [
            "",
            "mcp.example",
            "ftp://mcp.example",
            "https://",
            "https://:8101",
            "https://mcp.example/mcp",
            "https://mcp.example?x",
            "https://mcp.example#x",
            "https://bob@mcp.example",
            "https://mcp.example:0",
            "https://mcp.example:99999",
            "https://a b",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| text.parse::<PublicUrl>().unwrap().is_loopback();
        for text in ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "http://localhost"]
        {
            assert!(loopback(text), "{text}");
        }
        for text in
            ["http://0.0.0.0:1", "http://[::]:1", "http://10.0.0.1", "http://localhost.example"]
        {
            assert!(!loopback(text), "{text}");
        }
    }
}
