//! Judged first, of every request on every route: sizes, headers sent twice, host and origin.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
};
use http::uri::Authority;
use http::{Request, Uri};

use super::gate::{Check, Gate};
use crate::shown::shown;
use crate::{Challenge, Rejection};

/// Most bytes of all header names and values together.
pub const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Longest host or origin, in bytes, that the log repeats: shorter than any credential.
const MOST_NAMED: usize = 31;

/// Headers of which one request has at most one. Two of them would be read differently by
/// different programs.
const AT_MOST_ONCE: [HeaderName; 9] = [
    HOST,
    ORIGIN,
    CONTENT_TYPE,
    CONTENT_LENGTH,
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
    HeaderName::from_static("last-event-id"),
];

/// The outermost check. It stops DNS rebinding: a page that a browser loaded from
/// elsewhere sends its own `Host` or `Origin`.
#[derive(Clone, Debug)]
pub struct Front {
    hosts: Vec<String>,
    origins: Vec<String>,
    loopback: bool,
    addresses: bool,
}

impl Front {
    /// Answers under the host of `public_url`, and with `loopback` under the names of this
    /// machine at any port. Pages may call from the same places.
    pub fn new(public_url: &Uri, loopback: bool) -> Self {
        let scheme = public_url.scheme_str().unwrap_or("https");
        let hosts: Vec<_> = public_url
            .authority()
            .map(|authority| spellings(scheme, authority))
            .unwrap_or_default();
        // Browsers leave the default port out of `Origin` (RFC 6454 §6.1).
        let origin = hosts.first().map(|host| format!("{scheme}://{host}"));
        Self { hosts, origins: origin.into_iter().collect(), loopback, addresses: false }
    }

    /// Lets pages of this origin (`https://app.example`) call as well.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.origins.push(origin.trim_end_matches('/').to_ascii_lowercase());
        self
    }

    /// Answers under any IP address too, of which this machine may have several: what brings a
    /// page from elsewhere here is a name.
    pub fn by_address(mut self) -> Self {
        self.addresses = true;
        self
    }

    /// The layer.
    pub fn layer(self) -> Gate<Self> {
        Gate::new(self, Challenge::default())
    }

    fn host_is_ours(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.hosts.contains(&host)
            || (self.loopback && is_loopback(&host))
            || (self.addresses && is_address(&host))
    }

    fn origin_is_ours(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        let local = |origin: &str| {
            origin.split_once("://").is_some_and(|(scheme, host)| {
                matches!(scheme, "http" | "https") && is_loopback(host)
            })
        };
        self.origins.contains(&origin) || (self.loopback && local(&origin))
    }
}

impl Check for Front {
    type Pass = ();

    const LAYER: Option<&'static str> = Some("front");

    fn check<B>(&self, request: &mut Request<B>) -> Result<(), Rejection> {
        let headers = request.headers();
        let size: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > MAX_HEADER_BYTES {
            return Err(Rejection::headers_too_large(format!("{size} bytes of headers")));
        }
        for name in &AT_MOST_ONCE {
            if headers.get_all(name).iter().nth(1).is_some() {
                return Err(Rejection::bad_header(format!("{name} was sent more than once")));
            }
        }
        // HTTP/2 and absolute-form targets name the host in the URI; where both do, both count.
        let target = request.uri().authority().map(Authority::as_str);
        let host = text(headers, &HOST)?;
        if target.is_none() && host.is_none() {
            return Err(Rejection::bad_header("neither Host nor :authority was sent"));
        }
        if let Some(foreign) = [target, host].into_iter().flatten().find(|h| !self.host_is_ours(h))
        {
            let reason = format!("host {} is not this server", named(foreign));
            return Err(Rejection::foreign_host(reason));
        }
        if let Some(origin) = text(headers, &ORIGIN)?.filter(|origin| !self.origin_is_ours(origin))
        {
            let reason = format!("origin {} is not allowed", named(origin));
            return Err(Rejection::foreign_origin(reason));
        }
        Ok(())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Rejection> {
    let read = |value: &'a HeaderValue| {
        value.to_str().map_err(|_| Rejection::bad_header(format!("{name} is not ASCII")))
    };
    headers.get(name).map(read).transpose()
}

/// A host or an origin, for the log, if it can be nothing else: `GET mcpk_…` names one too, and
/// what somebody put there by mistake is not to be found in the log.
fn named(text: &str) -> String {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:/[]".contains(&byte);
    if text.len() <= MOST_NAMED && text.bytes().all(usual) {
        shown(&text)
    } else {
        format!("of {} bytes, or an unusual form,", text.len())
    }
}

/// How `Host` names a server, which may name the default port or leave it out
/// (RFC 9110 §4.2.3). The shortest comes first.
fn spellings(scheme: &str, authority: &Authority) -> Vec<String> {
    let default = if scheme == "http" { 80 } else { 443 };
    let name = authority.host().to_ascii_lowercase();
    let port = authority.port_u16().unwrap_or(default);
    let with_port = format!("{name}:{port}");
    if port == default { vec![name, with_port] } else { vec![with_port] }
}

/// A name of this machine, with or without a port.
fn is_loopback(host: &str) -> bool {
    let rest = ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|name| host.strip_prefix(name));
    match rest {
        Some("") => true,
        // `parse` alone would take a sign.
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        }),
        None => false,
    }
}

/// An IP address, with or without a port.
fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.parse::<SocketAddr>().is_ok()
        || host.parse::<Ipv4Addr>().is_ok()
        || bare.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(uri: &str, headers: &[(&str, &str)]) -> u16 {
        let front = Front::new(&Uri::from_static("http://mcp.example:8101/mcp"), true)
            .allow_origin("https://app.example");
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match front.check(&mut request.body(()).unwrap()) {
            Ok(()) => 200,
            Err(rejection) => rejection.status().as_u16(),
        }
    }

    #[test]
    fn hosts() {
        for host in ["mcp.example:8101", "MCP.example:8101", "localhost:1", "127.0.0.1", "[::1]:80"]
        {
            assert_eq!(status("/mcp", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "mcp.example",
            "localhost.evil.example",
            "127.0.0.1:80:80",
            "localhost:99999",
            "localhost:+80",
            "localhost:",
            "",
        ] {
            assert_eq!(status("/mcp", &[("host", host)]), 403, "{host}");
        }
        assert_eq!(status("/mcp", &[]), 400);
        assert_eq!(status("/mcp", &[("host", "localhost"), ("host", "localhost")]), 400);
        assert_eq!(status("http://evil.example/mcp", &[("host", "localhost")]), 403);
        assert_eq!(status("http://localhost/mcp", &[("host", "evil.example")]), 403);
    }

    #[test]
    fn the_port_that_goes_without_saying_may_be_said() {
        let host = |url: &'static str, host: &str| {
            let front = Front::new(&Uri::from_static(url), false);
            let request = Request::builder().uri("/mcp").header("host", host);
            front.check(&mut request.body(()).unwrap()).is_ok()
        };
        for (url, port) in [("http://mcp.example", 80), ("https://mcp.example", 443)] {
            assert!(host(url, "mcp.example"), "{url}");
            assert!(host(url, &format!("MCP.example:{port}")), "{url}");
            for other in ["mcp.example:8101", "mcp.example:", "mcp.example:80:80"] {
                assert!(!host(url, other), "{url} {other}");
            }
        }
        assert!(!host("http://mcp.example", "mcp.example:443"));
        assert!(!host("https://mcp.example", "mcp.example:80"));
        assert!(!host("http://mcp.example:8101", "mcp.example:8101:80"));
        assert!(host("http://[::1]", "[::1]:80"));
    }

    #[test]
    fn any_address_is_ours_where_that_was_said_and_no_name_is() {
        let front = Front::new(&Uri::from_static("http://mcp.example:9464"), false);
        let host = |front: &Front, host: &str| {
            let request = Request::builder().uri("/metrics").header("host", host);
            front.check(&mut request.body(()).unwrap()).is_ok()
        };
        let addresses = ["192.0.2.1:9464", "192.0.2.1", "[2001:db8::1]:9464", "[2001:db8::1]"];
        for address in addresses {
            assert!(!host(&front, address), "{address}");
        }
        let front = front.by_address();
        for address in addresses {
            assert!(host(&front, address), "{address}");
        }
        assert!(host(&front, "mcp.example:9464"));
        for name in ["evil.example", "192.0.2.1.evil.example", "192.0.2.1:x", "2001:db8::1", ""] {
            assert!(!host(&front, name), "{name}");
        }
    }

    #[test]
    fn a_stranger_does_not_fill_the_log() {
        let front = Front::new(&Uri::from_static("http://mcp.example"), false);
        let many = "x.".repeat(15_000);
        let one = "x".repeat(30_000);
        let key = "mcpk_3f9c2a7d51e08b46_k7Qd";
        let chosen = "correct.horse/battery.staple.32b";
        for text in [&*many, &*one, key, chosen] {
            for (name, host) in [("host", text), ("origin", "mcp.example")] {
                let request = Request::builder().uri("/mcp").header("host", host);
                let request = if name == "host" { request } else { request.header(name, text) };
                let rejection = front.check(&mut request.body(()).unwrap()).unwrap_err();
                assert!(rejection.reason().len() < 200, "{} bytes", rejection.reason().len());
                assert!(rejection.reason().contains(" bytes, or an"), "{}", rejection.reason());
            }
        }
        let request = Request::builder().uri("/mcp").header("host", "evil.example:8101");
        let rejection = front.check(&mut request.body(()).unwrap()).unwrap_err();
        assert!(rejection.reason().contains("\"evil.example:8101\""), "{}", rejection.reason());
    }

    #[test]
    fn origins() {
        let with = |origin| status("/mcp", &[("host", "localhost"), ("origin", origin)]);
        for origin in [
            "https://app.example",
            "http://mcp.example:8101",
            "http://localhost:3000",
            "http://[::1]",
        ] {
            assert_eq!(with(origin), 200, "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://app.example",
            "file://localhost",
            "",
            "localhost",
        ] {
            assert_eq!(with(origin), 403, "{origin}");
        }
    }

    #[test]
    fn sizes() {
        let long = "x".repeat(MAX_HEADER_BYTES);
        assert_eq!(status("/mcp", &[("host", "localhost"), ("x", &long)]), 431);
    }
}
