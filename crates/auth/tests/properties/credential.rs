//! `Credential::read`, against RFC 6750 §2.1, RFC 7617 §2 and RFC 9110 §11.4 read by hand.

use http::{HeaderValue, Request};
use mcp_auth::authn::credential::Credential;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{as_header, cases};

/// Where a credential is not to be (RFC 6749 §2.3.1, RFC 6750 §2.3), without case, `-` and `_`.
const IN_A_QUERY: [&str; 10] = [
    "accesstoken",
    "apikey",
    "bearer",
    "clientassertion",
    "clientsecret",
    "key",
    "password",
    "refreshtoken",
    "token",
    "xapikey",
];

#[derive(Clone, Debug, PartialEq)]
enum Found {
    ApiKey(String),
    Basic(String),
    Bearer(String),
    Refused(u16),
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn one_well_formed_credential_in_one_place_is_read_and_nothing_else(
        authorization in few(authorization()),
        keys in few(token()),
        query in prop_oneof![3 => Just(String::new()), 1 => query()],
    ) {
        let found = read(&authorization, &keys, &query);
        prop_assert_eq!(found, grammar(&authorization, &keys, &query));
    }

    #[test]
    fn any_header_is_judged_without_a_panic(
        authorization in few(vec(any::<u8>(), 0..60).prop_map(as_header)),
        keys in few(vec(any::<u8>(), 0..60).prop_map(as_header)),
    ) {
        let found = read(&authorization, &keys, "");
        prop_assert_eq!(found, grammar(&authorization, &keys, ""));
    }

    #[test]
    fn the_longest_credential_is_8_kib(
        length in prop_oneof![Just(8192), Just(8193), 8180..8204_usize],
        basic in any::<bool>(),
    ) {
        let scheme = if basic { "Basic " } else { "Bearer " };
        let value = format!("{scheme}{}", "a".repeat(length - scheme.len())).into_bytes();
        let found = read(&[value], &[], "");
        prop_assert_eq!(matches!(found, Found::Refused(431)), length > 8192, "{} bytes", length);
        let found = read(&[], &[vec![b'a'; length]], "");
        prop_assert_eq!(matches!(found, Found::Refused(431)), length > 8192, "{} bytes", length);
    }
}

fn read(authorization: &[Vec<u8>], keys: &[Vec<u8>], query: &str) -> Found {
    let mut request = Request::builder().uri(format!("/mcp?{query}"));
    for (name, values) in [("authorization", authorization), ("x-api-key", keys)] {
        for value in values {
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    match Credential::read(&head) {
        Ok(Credential::ApiKey(value)) => Found::ApiKey(value.to_owned()),
        Ok(Credential::Basic(value)) => Found::Basic(value.to_owned()),
        Ok(Credential::Bearer(value)) => Found::Bearer(value.to_owned()),
        Err(rejection) => Found::Refused(rejection.status().as_u16()),
    }
}

fn grammar(authorization: &[Vec<u8>], keys: &[Vec<u8>], query: &str) -> Found {
    match (authorization, keys) {
        ([], []) => Found::Refused(401),
        ([_], []) | ([], [_]) if has_credential(query) => Found::Refused(400),
        ([value], []) | ([], [value]) if value.len() > 8192 => Found::Refused(431),
        ([value], []) => authorization_grammar(value),
        ([], [value]) => match token68(value) {
            Some(key) => Found::ApiKey(key),
            None => Found::Refused(400),
        },
        _ => Found::Refused(400),
    }
}

/// `auth-scheme 1*SP token68`, of which two schemes are spoken here.
fn authorization_grammar(value: &[u8]) -> Found {
    if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Found::Refused(400);
    }
    let scheme: Vec<u8> =
        value.iter().copied().take_while(|b| !matches!(b, b' ' | b'\t')).collect();
    let rest: Vec<u8> = value[scheme.len()..].iter().copied().skip_while(|b| *b == b' ').collect();
    let one: fn(String) -> Found = match scheme.to_ascii_lowercase().as_slice() {
        b"bearer" => Found::Bearer,
        b"basic" => Found::Basic,
        _ => return Found::Refused(401),
    };
    token68(&rest).map_or(Found::Refused(400), one)
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn token68(value: &[u8]) -> Option<String> {
    let body: Vec<u8> = value.iter().copied().take_while(|b| *b != b'=').collect();
    let mark = |byte: &u8| matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    let letter = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9');
    let allowed = |byte: &u8| letter(byte) || mark(byte);
    let padding = &value[body.len()..];
    let right = !body.is_empty() && body.iter().all(allowed) && padding.iter().all(|b| *b == b'=');
    right.then(|| String::from_utf8(value.to_vec()).unwrap())
}

fn has_credential(query: &str) -> bool {
    query.split(['&', ';']).any(|pair| {
        let name: Vec<u8> = decoded(pair.split('=').next().unwrap_or_default())
            .into_iter()
            .filter(|byte| !matches!(byte, b'-' | b'_'))
            .collect();
        IN_A_QUERY.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// RFC 3986 §2.1.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes().peekable();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let ahead: Vec<u8> = bytes.clone().take(2).collect();
        match std::str::from_utf8(&ahead).ok().filter(|_| byte == b'%' && ahead.len() == 2) {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
                decoded.push(u8::from_str_radix(digits, 16).unwrap());
                bytes.nth(1);
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

/// None, one or two.
fn few(value: impl Strategy<Value = Vec<u8>> + 'static) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![4 => 0..2_usize, 1 => Just(2)].prop_flat_map({
        let value = value.boxed();
        move |count| vec(value.clone(), count)
    })
}

fn authorization() -> impl Strategy<Value = Vec<u8>> {
    let scheme = prop_oneof![
        4 => select(vec!["Bearer", "bearer", "BEARER", "bEaReR"]),
        2 => select(vec!["Basic", "basic"]),
        1 => select(vec!["Digest", "Bearer:", "Bearerx", "bear", "", "X-API-Key", "\"Bearer\""]),
    ];
    let gap = prop_oneof![6 => " {1,4}", 1 => "|\t| \t|,|="];
    (scheme, gap, token())
        .prop_map(|(scheme, gap, token)| [scheme.as_bytes(), gap.as_bytes(), &token].concat())
}

fn token() -> impl Strategy<Value = Vec<u8>> {
    let tail = select(vec!["", "=", "==", " ", "\t", "=a", ", Bearer b", "\"", ";x=1", "é", "%41"]);
    prop_oneof![
        6 => "[A-Za-z0-9._~+/-]{1,40}".prop_map(String::into_bytes),
        2 => ("[A-Za-z0-9._~+/-]{0,40}", tail).prop_map(|(body, tail)| (body + tail).into_bytes()),
        1 => vec(any::<u8>(), 0..20).prop_map(as_header),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let name = (
        select([IN_A_QUERY.to_vec(), vec!["page", "tokens", "keyed", "a"]].concat()),
        any::<[u64; 3]>(),
    );
    let pair = (name.prop_map(|(name, how)| written(name, how)), "(=[a-z%=]{0,5})?");
    let pairs = vec(pair.prop_map(|(name, value)| name + &value), 1..4);
    (pairs, select(vec!["&", ";"])).prop_map(|(pairs, between)| pairs.join(between))
}

/// The name as somebody might write it: some letters in capitals, some as `%XX`, and marks
/// between some of them.
fn written(name: &str, [capitals, encoded, marks]: [u64; 3]) -> String {
    let mut written = String::new();
    for (at, letter) in name.chars().enumerate() {
        let bit = |mask: u64| mask >> (at % 64) & 1 == 1;
        let letter = if bit(capitals) { letter.to_ascii_uppercase() } else { letter };
        match bit(encoded) {
            true => written.push_str(&format!("%{:02X}", u32::from(letter))),
            false => written.push(letter),
        }
        if bit(marks & encoded) {
            written.push(if bit(capitals) { '_' } else { '-' });
        }
    }
    written
}
