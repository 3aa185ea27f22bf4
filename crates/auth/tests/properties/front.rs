//! `Host` and `Origin` at the door, against RFC 9112 §3.2, RFC 3986 §3.2 and RFC 6454 §7.

use std::convert::Infallible;

use http::{HeaderValue, Request, Response, Uri};
use mcp_auth::guard::front::Front;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tower::{ServiceBuilder, ServiceExt};

use super::{as_header, cases, wait};

const OURS: &str = "mcp.example:8101";
const OUR_PAGES: [&str; 2] = ["http://mcp.example:8101", "https://app.example"];

/// Names that some check or other has taken for this machine's.
const FOREIGN: [&str; 17] = [
    "evil.example",
    "localhost.",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "xlocalhost",
    "127.0.0.2",
    "127.1",
    "0.0.0.0",
    "[::1",
    "::1",
    "[::ffff:127.0.0.1]",
    "user@localhost",
    "localhost@evil.example",
    "localhost#",
    "",
    "localhost ",
    "l\u{43e}calhost",
];

const ODD_PORTS: [&str; 13] = [
    ":+80",
    ":-1",
    ":80:80",
    ":0x50",
    ": 80",
    ":8 0",
    ":65535",
    ":65536",
    "::",
    ":80/",
    ":80@evil.example",
    ":8101.evil.example",
    ":81010",
];

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn only_our_own_names_get_in(
        hosts in few(7, host()),
        target in prop_oneof![5 => Just(None), 1 => host().prop_map(Some)],
        origins in prop_oneof![1 => Just(Vec::new()), 1 => few(4, origin())],
        loopback in any::<bool>(),
    ) {
        let target = target.filter(|target| uri(target).is_some());
        let status = judge(&hosts, target.as_deref(), &origins, loopback);
        prop_assert_eq!(status, expected(&hosts, target.as_deref(), &origins, loopback));
    }

    #[test]
    fn any_host_and_origin_are_judged_without_a_panic(
        host in vec(any::<u8>(), 0..40).prop_map(as_header),
        origin in vec(any::<u8>(), 0..40).prop_map(as_header),
    ) {
        prop_assert!(judge(&[host], None, &[origin], true) >= 400);
    }
}

fn judge(hosts: &[Vec<u8>], target: Option<&[u8]>, origins: &[Vec<u8>], loopback: bool) -> u16 {
    let front = Front::new(&Uri::from_static("http://mcp.example:8101/mcp"), loopback)
        .allow_origin("https://app.example");
    let mut request = Request::builder().uri(target.and_then(uri).unwrap_or_default());
    for (name, values) in [("host", hosts), ("origin", origins)] {
        for value in values {
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
    }
    let pass = |_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) };
    let layers = ServiceBuilder::new().layer(front.layer()).service_fn(pass);
    wait(layers.oneshot(request.body(()).unwrap())).unwrap().status().as_u16()
}

/// The absolute form of a target, where the host can stand in one.
fn uri(host: &[u8]) -> Option<Uri> {
    let host = str::from_utf8(host).ok()?;
    let uri: Uri = format!("http://{host}/mcp").parse().ok()?;
    (uri.authority()?.as_str() == host).then_some(uri)
}

fn expected(hosts: &[Vec<u8>], target: Option<&[u8]>, origins: &[Vec<u8>], loopback: bool) -> u16 {
    let named: Vec<&[u8]> = hosts.iter().map(Vec::as_slice).chain(target).collect();
    let unreadable = |values: &[Vec<u8>]| values.iter().any(|value| !value.is_ascii());
    if hosts.len() > 1 || origins.len() > 1 || named.is_empty() || unreadable(hosts) {
        return 400;
    }
    if !named.iter().all(|host| is_our_host(host, loopback)) {
        return 403;
    }
    match origins {
        [] => 200,
        _ if unreadable(origins) => 400,
        [origin] if is_our_page(origin, loopback) => 200,
        _ => 403,
    }
}

fn is_our_host(host: &[u8], loopback: bool) -> bool {
    host.eq_ignore_ascii_case(OURS.as_bytes()) || (loopback && is_this_machine(host))
}

fn is_our_page(origin: &[u8], loopback: bool) -> bool {
    OUR_PAGES.iter().any(|page| origin.eq_ignore_ascii_case(page.as_bytes()))
        || [&b"http://"[..], b"https://"].iter().any(|scheme| {
            let (start, rest) = origin.split_at(scheme.len().min(origin.len()));
            loopback && start.eq_ignore_ascii_case(scheme) && is_this_machine(rest)
        })
}

/// `host [ ":" port ]`, the port being digits that name one.
fn is_this_machine(host: &[u8]) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        let (start, rest) = host.split_at(name.len().min(host.len()));
        let port = |digits: &[u8]| {
            let mut port = 0_u32;
            for digit in digits {
                if !digit.is_ascii_digit() {
                    return false;
                }
                port = port.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
            }
            !digits.is_empty() && port <= 65535
        };
        start.eq_ignore_ascii_case(name.as_bytes())
            && match rest {
                [] => true,
                [b':', digits @ ..] => port(digits),
                _ => false,
            }
    })
}

/// One, or now and then none or two.
fn few(
    one: u32,
    value: impl Strategy<Value = Vec<u8>> + 'static,
) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let value = value.boxed();
    prop_oneof![one => Just(1), 1 => Just(0), 1 => Just(2)]
        .prop_flat_map(move |count| vec(value.clone(), count))
}

fn host() -> impl Strategy<Value = Vec<u8>> {
    let ours = ["localhost", "127.0.0.1", "[::1]", "mcp.example", "LocalHost", "MCP.example"];
    let name = prop_oneof![6 => select(ours.to_vec()), 2 => select(FOREIGN.to_vec())];
    let port = prop_oneof![
        3 => Just(String::new()),
        3 => Just(":8101".to_owned()),
        2 => ":[0-9]{0,7}",
        2 => select(ODD_PORTS.to_vec()).prop_map(str::to_owned),
    ];
    (name, port).prop_map(|(name, port)| format!("{name}{port}").into_bytes())
}

fn origin() -> impl Strategy<Value = Vec<u8>> {
    let scheme = prop_oneof![
        6 => select(vec!["http://", "https://", "HTTP://"]),
        1 => select(vec!["", "//", "file://", "chrome-extension://", "http:", "http:///", "null"]),
    ];
    let page = select(
        [&OUR_PAGES[..], &["null", "https://app.example/", "https://app.example.evil.example"]]
            .concat(),
    );
    prop_oneof![
        3 => (scheme, host()).prop_map(|(scheme, host)| [scheme.as_bytes(), &host].concat()),
        1 => page.prop_map(|page| page.as_bytes().to_vec()),
    ]
}
