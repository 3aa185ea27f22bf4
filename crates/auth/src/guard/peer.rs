//! From which address a request comes, and which proxies may say that it comes from another.
//!
//! Whoever sends a request can write anything into `X-Forwarded-For`. Each proxy appends the
//! address that it was called from, so the list is read from the right, and only for as long
//! as the address that vouches for an entry is a named proxy's.

use std::net::IpAddr;
use std::str::FromStr;

use http::{Extensions, HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Most entries of `X-Forwarded-For` that are read. Nobody has more proxies in a row.
const MOST_HOPS: usize = 16;

/// The address that a request comes from, in the extensions of the request.
///
/// An IPv4 address that was mapped into IPv6 is an IPv4 address here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// The address of this request's caller. There is none where no connection was made, as
    /// in a test that calls the router directly.
    pub fn of(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get::<Self>().map(|peer| peer.0)
    }
}

/// The proxies whose `X-Forwarded-For` is believed. By default there are none.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<Network>);

impl FromIterator<Network> for Proxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl Proxies {
    /// Whether this address is one of the proxies'.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }

    /// The address of the caller, given the address at the other end of the connection.
    ///
    /// It is the first one from the right that is no proxy's. At an entry that is no address
    /// the last one is taken that a proxy vouches for, which may be the proxy's own.
    pub fn client_address(&self, connection: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = connection.to_canonical();
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for entry in entries.take(MOST_HOPS) {
            if !self.contains(client) {
                break;
            }
            let Some(address) = address(entry) else { break };
            client = address;
        }
        client
    }
}

/// A network, such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network(IpNet);

/// Why a text is not a [`Network`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// `0.0.0.0/0` would let everybody choose an address.
    #[error("a network of all addresses names no proxy; name those that are yours")]
    Everybody,
    /// `10.1.2.3/8`: either the address or the length is a mistake.
    #[error("the address is inside the network; write {network}, or {address} alone")]
    Inside {
        /// The network of that length.
        network: IpNet,
        /// The address as it was written.
        address: IpAddr,
    },
    /// Neither an address nor an address and a length.
    #[error("give a network or an address, such as 10.0.0.0/8, 192.0.2.1 or fd00::/8")]
    NoNetwork,
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let Some((address, length)) = text.split_once('/') else {
            let address: IpAddr = text.parse().map_err(|_| NetworkError::NoNetwork)?;
            return Ok(Self(address.to_canonical().into()));
        };
        if !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NetworkError::NoNetwork);
        }
        let address = address.parse().map_err(|_| NetworkError::NoNetwork)?;
        let length = length.parse().map_err(|_| NetworkError::NoNetwork)?;
        let network = IpNet::new(address, length).map_err(|_| NetworkError::NoNetwork)?;
        if length == 0 {
            return Err(NetworkError::Everybody);
        }
        if network.trunc() != network {
            return Err(NetworkError::Inside { network: network.trunc(), address });
        }
        Ok(Self(unmapped(network)))
    }
}

/// `::ffff:10.0.0.0/104` and `10.0.0.0/8` are the same network.
fn unmapped(network: IpNet) -> IpNet {
    if let IpNet::V6(mapped) = network
        && let Some(address) = mapped.addr().to_ipv4_mapped()
        && let Some(length) = mapped.prefix_len().checked_sub(96)
        && let Ok(network) = Ipv4Net::new(address, length)
    {
        return network.into();
    }
    network
}

/// One entry of the list: an address, with or without a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let address = if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        address.ip()
    } else {
        IpAddr::V6(text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?)
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const PROXY: &str = "10.0.0.1";

    /// Who called, if `connection` sent these lines and 10.0.0.0/8 and fd00::/8 are proxies.
    fn client<const N: usize>(connection: &str, lines: [&[u8]; N]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"];
        let proxies: Proxies = networks.iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        proxies.client_address(connection.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(client("192.0.2.7", [b"198.51.100.1"]), "192.0.2.7");
        assert_eq!(client("192.0.2.7", [b"10.0.0.1"]), "192.0.2.7");
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, "198.51.100.1".parse().unwrap())]);
        let nobody = Proxies::default().client_address(PROXY.parse().unwrap(), &headers);
        assert_eq!(nobody.to_string(), PROXY);
    }

    #[test]
    fn what_the_caller_wrote_before_the_proxy_did_is_ignored() {
        assert_eq!(client(PROXY, [b"198.51.100.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(PROXY, [b"10.9.9.9, 198.51.100.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(PROXY, [b"198.51.100.1,192.0.2.7,10.0.0.2 ,\t10.0.0.3"]), "192.0.2.7");
        // The caller's own header stands before the one that the proxy appends.
        assert_eq!(client(PROXY, [b"198.51.100.1", b"192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(PROXY, [b"192.0.2.7", b"10.0.0.2"]), "192.0.2.7");
    }

    #[test]
    fn garbage_ends_the_list_at_the_last_address_that_a_proxy_vouches_for() {
        for garbage in [
            &b""[..],
            b" ",
            b"unknown",
            b"\xff",
            b"010.0.0.1",
            b"fe80::1%eth0",
            b"192.0.2.7:99999",
            b"[192.0.2.7]",
            b"[::1",
            b"for=192.0.2.7",
        ] {
            assert_eq!(client(PROXY, [garbage]), PROXY);
            let line = [b"198.51.100.1, ", garbage, b", 10.0.0.2"].concat();
            assert_eq!(client(PROXY, [&line]), "10.0.0.2");
        }
        assert_eq!(client(PROXY, []), PROXY);
    }

    #[test]
    fn addresses_are_read_in_every_form_that_proxies_write() {
        for (entry, read) in [
            (&b"192.0.2.7:4711"[..], "192.0.2.7"),
            (b"2001:db8::7", "2001:db8::7"),
            (b"[2001:db8::7]", "2001:db8::7"),
            (b"[2001:DB8::7]:4711", "2001:db8::7"),
            (b"::ffff:192.0.2.7", "192.0.2.7"),
            (b"[::ffff:192.0.2.7]:1", "192.0.2.7"),
        ] {
            assert_eq!(client(PROXY, [entry]), read);
            assert_eq!(client("fd00::1", [entry]), read);
        }
        assert_eq!(client("::ffff:10.0.0.1", [b"192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("::ffff:192.0.2.7", [b"198.51.100.1"]), "192.0.2.7");
    }

    #[test]
    fn a_long_list_is_read_for_a_bounded_time() {
        let proxies = ["10.0.0.3"; 100_000].join(",");
        let line = [b"192.0.2.7,", proxies.as_bytes()].concat();
        assert_eq!(client(PROXY, [&line]), "10.0.0.3");
    }

    #[test]
    fn networks() {
        let network = |text: &str| text.parse::<Network>().map(|network| network.0.to_string());
        for (text, read) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ] {
            assert_eq!(network(text).unwrap(), read);
        }
        for text in [
            "",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "/8",
            "10.0.0/8",
            "010.0.0.0/8",
            " 10.0.0.0/8",
            "10.0.0.1:80",
            "proxy.example",
            "*",
        ] {
            assert_eq!(network(text), Err(NetworkError::NoNetwork), "{text}");
        }
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/0"] {
            assert_eq!(network(text), Err(NetworkError::Everybody), "{text}");
        }
        let error = network("10.1.2.3/8").unwrap_err().to_string();
        assert!(error.contains("10.0.0.0/8") && error.contains("10.1.2.3 alone"), "{error}");
    }

    #[test]
    fn a_request_without_a_connection_has_no_peer() {
        let mut extensions = Extensions::new();
        assert_eq!(Peer::of(&extensions), None);
        extensions.insert(Peer(PROXY.parse().unwrap()));
        assert_eq!(Peer::of(&extensions).unwrap().to_string(), PROXY);
    }
}
