//! Who is asking (RFC 6749 §2.3): `client_secret_basic` or `client_secret_post`, never both.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use mcp_auth::authn::client::{ClientLookup, ClientRecord, secret_matches};
use zeroize::Zeroizing;

use crate::form::Form;
use crate::refusal::Refusal;

/// The client whose secret was presented.
///
/// An unknown id, a wrong secret and a revoked client cost the same and are told the same.
pub(crate) async fn authenticate(
    clients: &impl ClientLookup,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Arc<ClientRecord>, Refusal> {
    let presented = presented(headers, form)?;
    let record = clients
        .find_client(&presented.id)
        .await
        .map_err(|error| Refusal::unavailable(error.reason().to_owned()))?;
    let matches = secret_matches(record.as_deref(), &presented.secret);
    match record {
        Some(record) if matches => Ok(record),
        // Only an id that is known is named in the log: an unknown one may be a secret that
        // somebody put into the wrong field.
        Some(record) => {
            let why = if record.revoked { "the client is revoked" } else { "the secret is wrong" };
            Err(Refusal::invalid_client(why).of_client(&record.id))
        }
        None => Err(Refusal::invalid_client("no client has that id")),
    }
}

struct Presented<'a> {
    id: Cow<'a, str>,
    secret: Zeroizing<String>,
}

fn presented<'a>(headers: &HeaderMap, form: &'a Form) -> Result<Presented<'a>, Refusal> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let basic = match (headers.next(), headers.next()) {
        (_, Some(_)) => {
            return Err(Refusal::invalid_request("more than one Authorization header was sent"));
        }
        (Some(value), None) => Some(basic(value)?),
        (None, None) => None,
    };
    match (basic, form.get("client_id"), form.get("client_secret")) {
        (Some(_), _, Some(_)) => Err(Refusal::invalid_request(
            "the client secret was sent in the header and in the body; send it once",
        )),
        (Some(basic), Some(id), None) if basic.id != id => {
            Err(Refusal::invalid_request("client_id differs between the header and the body"))
        }
        (Some(basic), _, None) => Ok(basic),
        (None, Some(id), Some(secret)) => {
            Ok(Presented { id: Cow::Borrowed(id), secret: Zeroizing::new(secret.to_owned()) })
        }
        (None, _, _) => Err(Refusal::invalid_client("no client id with a secret was sent")),
    }
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(value: &http::HeaderValue) -> Result<Presented<'static>, Refusal> {
    let malformed = || Refusal::invalid_client("the Authorization header is not well-formed Basic");
    let (scheme, encoded) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(malformed());
    }
    let bytes = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| malformed())?);
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    let (id, secret) = text.split_once(':').ok_or_else(malformed)?;
    Ok(Presented { id: Cow::Owned(form_decode(id)), secret: Zeroizing::new(form_decode(secret)) })
}

fn form_decode(text: &str) -> String {
    // The parser takes pairs; without these two there is exactly one name in it.
    let name = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(name.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_decoded_each_by_itself() {
        assert_eq!(form_decode("a+b%3Ac%26%3D&="), "a b:c&=&=");
        assert_eq!(form_decode(""), "");
        let value = format!("basic {}", STANDARD.encode("id%3A1:se:cret"));
        let presented = basic(&value.parse().unwrap()).ok().unwrap();
        assert_eq!((&*presented.id, presented.secret.as_str()), ("id:1", "se:cret"));
    }
}
