//! Reads `client_secret_basic` (RFC 6749 §2.3.1, RFC 7617).
//!
//! ```text
//! Authorization: Basic QU5CMEJX…OnMzY3IzdA==      the word in any case, one space or more
//!                      └ base64 of  id ":" secret, each half form-encoded before they are joined
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use mcp_auth::authn::credential::MAX_LENGTH;
use zeroize::Zeroizing;

use crate::form;
use crate::refusal::Refusal;

/// What the header holds. It has no `Debug`.
pub(crate) struct Basic {
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<String>,
}

/// `None` if the header is of another scheme.
///
/// # Errors
/// 400 if it is no well-formed pair, 431 if it is longer than a credential may be.
pub(crate) fn parse(value: &HeaderValue) -> Result<Option<Basic>, Refusal> {
    if value.len() > MAX_LENGTH {
        return Err(Refusal::invalid_request("the Authorization header is longer than 8 KiB")
            .with_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
    let malformed =
        || Refusal::invalid_request("the Authorization header is not well-formed Basic");
    let text = value.to_str().map_err(|_| malformed())?;
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    let (scheme, rest) = text.split_at(end);
    if scheme.is_empty() {
        return Err(malformed());
    }
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Ok(None);
    }
    pair(rest.trim_start_matches(' ')).map(Some).ok_or_else(malformed)
}

fn pair(encoded: &str) -> Option<Basic> {
    let joined = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let colon = joined.iter().position(|byte| *byte == b':')?;
    let secret = Zeroizing::new(form::decode(&joined[colon + 1..])?);
    Some(Basic { id: form::decode(&joined[..colon])?, secret })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Id and secret, nothing for another scheme, or the status.
    fn read(value: &[u8]) -> Result<Option<(String, String)>, u16> {
        let value = HeaderValue::from_bytes(value).expect("a header value");
        match parse(&value) {
            Ok(basic) => Ok(basic.map(|basic| (basic.id, basic.secret.to_string()))),
            Err(refusal) => Err(refusal.status().as_u16()),
        }
    }

    fn header(joined: &[u8]) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(joined)).into_bytes()
    }

    fn encoded(id: &str, secret: &str) -> Vec<u8> {
        let half =
            |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        header(format!("{}:{}", half(id), half(secret)).as_bytes())
    }

    #[test]
    fn halves_are_decoded_each_by_itself() {
        let pair = |id: &str, secret: &str| Ok(Some((id.to_owned(), secret.to_owned())));
        assert_eq!(read(&header(b"id%3A1:se:cret")), pair("id:1", "se:cret"));
        assert_eq!(read(&header(b"a+b:c%20d")), pair("a b", "c d"));
        assert_eq!(read(&header(b"a&=b:")), pair("a&=b", ""));
        assert_eq!(read(b"bASIC   YTpi"), pair("a", "b"));
        for other in [&b"Bearer abc"[..], b"Basics YTpi", b"YTpi"] {
            assert_eq!(read(other), Ok(None), "{other:?}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_400() {
        for malformed in [
            &b""[..],
            b" ",
            b"Basic",
            b"Basic ",
            b"Basic\tYTpi",
            b"Basic YTpi x",
            b"Basic YTpi\t",
            b"Basic YTpi=",
            b"Basic !!!!",
            b"Basic YTpi\xff",
            &header(b""),
            &header(b"no colon"),
            &header(b"a:%zz"),
            &header(b"%2:b"),
            &header(b"a:%ff"),
            &header(b"a:\xff"),
            &header(b"a:b c"),
            &header(b"a:b\r\nX: y"),
        ] {
            assert_eq!(read(malformed), Err(400), "{malformed:?}");
        }
        // Without padding, and with bits that stand for nothing.
        assert_eq!(read(b"Basic YTpiYw"), Err(400));
        assert_eq!(read(b"Basic YTpiYx=="), Err(400));
        assert_eq!(read(&[&b"Basic "[..], &[b'\xff'; MAX_LENGTH]].concat()), Err(431));
    }

    proptest! {
        #[test]
        fn every_id_and_secret_can_be_sent(id in any::<String>(), secret in any::<String>()) {
            prop_assert_eq!(read(&encoded(&id, &secret)), Ok(Some((id, secret))));
        }

        #[test]
        fn what_is_accepted_is_read_the_same_when_it_is_written_again(
            value in prop_oneof![
                "[ -~]{0,60}".prop_map(String::into_bytes),
                prop::collection::vec(0x80_u8..=0xff, 0..60),
                prop::collection::vec(prop::sample::select(&b"ab:%+2f0zC3A9\xff"[..]), 0..60)
                    .prop_map(|joined| header(&joined)),
            ]
        ) {
            if let Ok(Some((id, secret))) = read(&value) {
                prop_assert_eq!(read(&encoded(&id, &secret)), Ok(Some((id, secret))));
            }
        }
    }
}
