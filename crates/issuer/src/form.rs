//! Reads `application/x-www-form-urlencoded`, strictly (RFC 6749 appendix B).
//!
//! ```text
//! grant_type=client_credentials&scope=weather%3Aread+shopping:read
//! └ name     └ value            └ & between pairs; %XX is a byte of UTF-8, + a space
//! ```
//!
//! Others read `%zz` as it stands and replace what is not UTF-8. Two programs that mend the
//! same text differently see different parameters, so that here it is refused.

use crate::parameters::Parameters;
use crate::refusal::Refusal;

pub(crate) fn parse(body: &[u8]) -> Result<Parameters, Refusal> {
    let malformed = || {
        Refusal::invalid_request(
            "the body is not form-encoded: write a byte as % and two hexadecimal digits, and \
             text in UTF-8",
        )
    };
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    Parameters::collect(pairs.map(|pair| {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = (&pair[..end], pair.get(end + 1..).unwrap_or_default());
        decode(name).zip(decode(value)).ok_or_else(malformed)
    }))
}

/// One name or value; `None` if it holds what has to be encoded, half an encoding, or what is
/// not UTF-8.
pub(crate) fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            byte if byte.is_ascii_graphic() => *byte,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: Option<&u8>) -> Option<u8> {
    let digit = char::from(*byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
        let parameters = parse(body).ok()?;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Some(parameters.pairs().into_iter().map(owned).collect())
    }

    #[test]
    fn empty_is_omitted_and_twice_is_refused() {
        let form = parse(b"grant_type=a%20b&scope=&resource=x&resource=&resource=y&&name").ok();
        let form = form.unwrap();
        assert_eq!(form.get("grant_type"), Some("a b"));
        assert_eq!(form.get("scope"), None);
        assert_eq!(form.resources(), ["x", "y"]);
        for twice in
            ["scope=a&scope=a", "scope=&scope=a", "unknown=1&unknown=2", "scope=a&sc%6Fpe=b"]
        {
            assert!(parse(twice.as_bytes()).is_err(), "{twice}");
        }
    }

    #[test]
    fn a_plus_and_an_encoded_space_are_the_same_and_a_half_encoding_is_nothing() {
        for same in ["a+b%2B%c3%A9", "a%20b%2b%C3%a9"] {
            assert_eq!(decode(same.as_bytes()).as_deref(), Some("a b+é"));
        }
        for malformed in
            [&b"%"[..], b"%2", b"%zz", b"%+1", b"%2%30", b"%ff", b"%c3", b"\xff", b"a b", b"a\n"]
        {
            assert_eq!(decode(malformed), None, "{malformed:?}");
            assert!(parse(&[b"a=", malformed].concat()).is_err());
            assert!(parse(&[malformed, b"=a"].concat()).is_err());
        }
        // Raw UTF-8 has to be encoded as well.
        assert_eq!(decode("é".as_bytes()), None);
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_the_same_when_it_is_written_again(
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                prop::collection::vec(prop::sample::select(&b"ab=&%+2f0zC3A9\xff\n"[..]), 0..80),
            ]
        ) {
            if let Some(read) = pairs(&body) {
                let mut again = form_urlencoded::Serializer::new(String::new());
                again.extend_pairs(&read);
                prop_assert_eq!(pairs(again.finish().as_bytes()), Some(read));
            }
        }

        #[test]
        fn every_text_can_be_sent(
            sent in prop::collection::btree_map(any::<String>(), "(?s).+", 0..8)
        ) {
            let mut body = form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(&sent);
            let read = pairs(body.finish().as_bytes());
            let sorted = read.map(|read| read.into_iter().collect());
            prop_assert_eq!(sorted, Some(sent));
        }
    }
}
