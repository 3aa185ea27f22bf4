//! `X-Forwarded-For`, which anybody can write: an entry counts if a named proxy vouches for it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use mcp_auth::guard::peer::Proxies;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{as_header, cases};

/// Entries, and the address that each is if it is one.
const ENTRIES: [(&str, Option<&str>); 12] = [
    ("10.0.0.1", Some("10.0.0.1")),
    ("10.9.9.9", Some("10.9.9.9")),
    ("::ffff:10.0.0.2", Some("10.0.0.2")),
    ("[fd00::1]:443", Some("fd00::1")),
    ("192.0.2.7", Some("192.0.2.7")),
    ("192.0.2.7:80", Some("192.0.2.7")),
    ("[2001:db8::1]", Some("2001:db8::1")),
    ("unknown", None),
    ("_hidden", None),
    ("010.0.0.1", None),
    ("10.0.0.256", None),
    ("", None),
];

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn an_address_is_believed_as_far_as_proxies_vouch_for_it(
        connection in select(vec!["10.0.0.1", "fd00::7", "::ffff:10.1.1.1", "192.0.2.1", "::1"]),
        lines in vec(vec(select(ENTRIES.to_vec()), 1..4), 0..4),
    ) {
        let written = lines.iter().map(|line| {
            line.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(" ,\t").into_bytes()
        });
        let entries: Vec<_> = lines.iter().flatten().map(|(_, address)| *address).collect();
        prop_assert_eq!(client(connection, written), expected(connection, &entries));
    }

    #[test]
    fn a_stranger_is_never_believed(
        lines in vec(vec(any::<u8>(), 0..60).prop_map(as_header), 0..4),
    ) {
        prop_assert_eq!(client("192.0.2.1", lines.clone().into_iter()), address("192.0.2.1"));
        // And what a proxy passes on is an address, whatever it is.
        client("10.0.0.1", lines.into_iter());
    }
}

fn client(connection: &str, lines: impl Iterator<Item = Vec<u8>>) -> IpAddr {
    let proxies: Proxies =
        ["10.0.0.0/8", "fd00::/8"].into_iter().map(|network| network.parse().unwrap()).collect();
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-forwarded-for", HeaderValue::from_bytes(&line).unwrap());
    }
    proxies.client_address(connection.parse().unwrap(), &headers)
}

/// From the right: each entry is what the address to the right of it says, and only a proxy's
/// word counts.
fn expected(connection: &str, entries: &[Option<&str>]) -> IpAddr {
    let mut client = address(connection);
    for entry in entries.iter().rev() {
        match entry {
            Some(entry) if is_a_proxy(client) => client = address(entry),
            _ => return client,
        }
    }
    client
}

fn is_a_proxy(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address.octets()[0] == 0xfd,
    }
}

fn address(text: &str) -> IpAddr {
    text.parse::<IpAddr>().unwrap().to_canonical()
}
