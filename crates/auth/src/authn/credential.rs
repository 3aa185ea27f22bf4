//! Reads the headers, once, in one place: exactly one credential from exactly one place.
//!
//! ```text
//! Authorization: Bearer eyJhbGciOi…        RFC 6750 §2.1; the word in any case, one space or more
//!                       └ b64token: ALPHA DIGIT - . _ ~ + / and = at the end
//! X-API-Key: mcpk_…                        the same characters
//! Authorization: Basic dXNlcjpwYXNz        RFC 7617, for schemes that take it
//! ```
//!
//! Two of these at once are a 400, and so is one of them beside a credential in the
//! query string. A credential in the query string alone counts as none: it would be in
//! every log on the way (OAuth 2.1 §5.1).

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::Rejection;

/// The header for API keys.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Longest credential in bytes, judged before anything is decoded.
pub const MAX_LENGTH: usize = 8 * 1024;

/// Parameters that carry a credential in a query string (RFC 6749 §2.3.1, RFC 6750 §2.3 and
/// common habit), in lower case without `-` and `_`.
const QUERY_PARAMETERS: [&str; 10] = [
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

/// The one credential of a request, well-formed and not verified.
///
/// It borrows from the request and has no `Debug`, so that it ends up in no log.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// The value of `X-API-Key`.
    ApiKey(&'a str),
    /// The value behind `Authorization: Basic`, still in base64.
    Basic(&'a str),
    /// The value behind `Authorization: Bearer`.
    Bearer(&'a str),
}

impl<'a> Credential<'a> {
    /// Finds the one credential in the head of a request.
    ///
    /// # Errors
    /// 401 if there is none, 400 if there is more than one or it is not well-formed, 431 if
    /// it is longer than [`MAX_LENGTH`].
    pub fn read(head: &'a Parts) -> Result<Self, Rejection> {
        let authorization = single(&head.headers, &AUTHORIZATION)?;
        let api_key = single(&head.headers, &X_API_KEY)?;
        let in_query = is_in_query(head.uri.query(), &[]);
        let value = match (authorization, api_key) {
            (Some(_), Some(_)) => {
                return Err(Rejection::malformed_credential(
                    "both Authorization and X-API-Key were sent",
                ));
            }
            (None, None) if in_query => {
                return Err(Rejection::no_credential(
                    "a credential in the query string is ignored",
                ));
            }
            (None, None) => return Err(Rejection::no_credential("no credential was sent")),
            _ if in_query => {
                return Err(Rejection::malformed_credential(
                    "a credential in a header and another in the query string",
                ));
            }
            (Some(value), None) => return authorization_value(text(value)?),
            (None, Some(value)) => text(value)?,
        };
        Ok(Self::ApiKey(b64token(value)?))
    }

    /// Takes every credential out of a request that has been authenticated.
    pub fn remove(head: &mut Parts) {
        head.headers.remove(AUTHORIZATION);
        head.headers.remove(X_API_KEY);
    }
}

/// Whether a query string holds a credential, or one of the parameters in `also`, whose names
/// are in lower case without `-` and `_`. Some read `;` as `&`, and so a name counts behind either.
pub fn is_in_query(query: Option<&str>, also: &[&str]) -> bool {
    let pairs = query.into_iter().flat_map(|query| query.split(['&', ';']));
    let mut names = pairs.map(|pair| plain(pair.split_once('=').map_or(pair, |(name, _)| name)));
    names.any(|name| QUERY_PARAMETERS.contains(&&*name) || also.contains(&&*name))
}

fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Rejection::malformed_credential(format!("{name} was sent more than once")));
    }
    Ok(first)
}

fn text(value: &HeaderValue) -> Result<&str, Rejection> {
    if value.len() > MAX_LENGTH {
        return Err(Rejection::headers_too_large("the credential is longer than 8 KiB"));
    }
    value.to_str().map_err(|_| Rejection::malformed_credential("the credential is not ASCII"))
}

/// `auth-scheme 1*SP token68` (RFC 9110 §11.4). A scheme that nobody here speaks counts as
/// no credential, because it may be meant for a proxy.
fn authorization_value(value: &str) -> Result<Credential<'_>, Rejection> {
    let end = value.find([' ', '\t']).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    let token = rest.trim_start_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Credential::Bearer(b64token(token)?))
    } else if scheme.eq_ignore_ascii_case("basic") {
        Ok(Credential::Basic(b64token(token)?))
    } else {
        Err(Rejection::no_credential("the Authorization header has another scheme"))
    }
}

/// Whether a text has the form that a credential can be sent in.
pub(super) fn is_b64token(value: &str) -> bool {
    b64token(value).is_ok() && value.len() <= MAX_LENGTH
}

/// RFC 6750 §2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn b64token(value: &str) -> Result<&str, Rejection> {
    let body = value.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if body.is_empty() || !body.bytes().all(allowed) {
        return Err(Rejection::malformed_credential("the credential is not a b64token"));
    }
    Ok(value)
}

/// A parameter's name as people mean it: decoded, in lower case, without `-` and `_`.
fn plain(name: &str) -> String {
    percent_decode_str(name)
        .map(|byte| char::from(byte).to_ascii_lowercase())
        .filter(|letter| !matches!(letter, '-' | '_'))
        .collect()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(uri: &str, headers: &[(&str, &[u8])]) -> Result<String, u16> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        match Credential::read(&head) {
            Ok(Credential::ApiKey(value)) => Ok(format!("key {value}")),
            Ok(Credential::Basic(value)) => Ok(format!("basic {value}")),
            Ok(Credential::Bearer(value)) => Ok(format!("bearer {value}")),
            Err(rejection) => Err(rejection.status().as_u16()),
        }
    }

    #[test]
    fn one_credential_in_one_place() {
        for value in ["Bearer abc", "bearer abc", "BEARER abc", "Bearer   abc"] {
            assert_eq!(
                read("/mcp", &[("authorization", value.as_bytes())]),
                Ok("bearer abc".into())
            );
        }
        assert_eq!(read("/mcp", &[("x-api-key", b"abc")]), Ok("key abc".into()));
        assert_eq!(read("/mcp", &[("authorization", b"Basic YTpi")]), Ok("basic YTpi".into()));
        assert_eq!(read("/mcp?page=2", &[("x-api-key", b"abc")]), Ok("key abc".into()));
    }

    #[test]
    fn none_is_401() {
        for (uri, headers) in [
            ("/mcp", &[][..]),
            ("/mcp?access_token=abc", &[]),
            ("/mcp?a=b&api_key=abc", &[]),
            ("/mcp", &[("authorization", &b"Digest abc"[..])]),
            ("/mcp", &[("authorization", b"abc")]),
        ] {
            assert_eq!(read(uri, headers), Err(401), "{uri}");
        }
    }

    #[test]
    fn more_than_one_is_400() {
        let good: (&str, &[u8]) = ("authorization", b"Bearer abc");
        let key: (&str, &[u8]) = ("x-api-key", b"abc");
        assert_eq!(read("/mcp", &[good, good]), Err(400));
        assert_eq!(read("/mcp", &[key, key]), Err(400));
        assert_eq!(read("/mcp", &[good, key]), Err(400));
        assert_eq!(read("/mcp?access_token=abc", &[good]), Err(400));
        for name in ["API_KEY", "apikey", "x-api-key", "access%5Ftoken", "%74oken", "Client-Secret"]
        {
            for before in ["", "a&", "a=b&", "a;", "a=b;"] {
                assert_eq!(read(&format!("/mcp?{before}{name}=abc"), &[key]), Err(400), "{name}");
            }
        }
    }

    #[test]
    fn malformed_is_400() {
        for value in [
            &b"Bearer"[..],
            b"Bearer ",
            b"Bearer\tabc",
            b"Bearer a b",
            b"Bearer a, Bearer b",
            b"Bearer \"abc\"",
            b"Bearer =",
            b"Bearer a=b",
            b"Bearer abc\xff",
            b"Basic ",
        ] {
            assert_eq!(read("/mcp", &[("authorization", value)]), Err(400), "{value:?}");
        }
        assert_eq!(read("/mcp", &[("x-api-key", b"")]), Err(400));
        assert_eq!(read("/mcp", &[("x-api-key", "schlüssel".as_bytes())]), Err(400));
    }

    #[test]
    fn too_long_is_431_before_it_is_looked_at() {
        let long = [b'\xff'; MAX_LENGTH + 1];
        assert_eq!(read("/mcp", &[("authorization", &long)]), Err(431));
        assert_eq!(read("/mcp", &[("x-api-key", &long)]), Err(431));
    }
}
