//! Who is asking (RFC 6749 §2.3): `client_secret_basic` or `client_secret_post`, never both.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use mcp_auth::authn::client::{ClientRecord, secret_matches};
use zeroize::Zeroizing;

use crate::basic;
use crate::parameters::Parameters;
use crate::refusal::Refusal;

/// An id and a secret, well-formed and not verified. It has no `Debug`.
pub(crate) struct Presented<'a> {
    pub(crate) id: Cow<'a, str>,
    secret: Zeroizing<String>,
}

/// Finds the one id with the one secret.
///
/// # Errors
/// 401 if there is none, 400 if there is more than one or it is not well-formed.
pub(crate) fn presented<'a>(
    headers: &HeaderMap,
    parameters: &'a Parameters,
) -> Result<Presented<'a>, Refusal> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let (header, basic) = match (headers.next(), headers.next()) {
        (_, Some(_)) => {
            return Err(Refusal::invalid_request("more than one Authorization header was sent"));
        }
        (Some(value), None) => (true, basic::parse(value)?),
        (None, None) => (false, None),
    };
    let secret = parameters.get("client_secret");
    let assertion = parameters.get("client_assertion").is_some();
    if [header, secret.is_some(), assertion].into_iter().filter(|sent| *sent).count() > 1 {
        return Err(Refusal::invalid_request(
            "the client authenticates in more than one way, by header and body or twice in the \
             body; choose one",
        ));
    }
    match (basic, parameters.get("client_id"), secret) {
        (Some(basic), Some(id), _) if basic.id != id => {
            Err(Refusal::invalid_request("client_id differs between the header and the body"))
        }
        (Some(basic), _, _) => Ok(Presented { id: Cow::Owned(basic.id), secret: basic.secret }),
        (None, Some(id), Some(secret)) => {
            Ok(Presented { id: Cow::Borrowed(id), secret: Zeroizing::new(secret.to_owned()) })
        }
        (None, _, _) => Err(Refusal::invalid_client("no client id with a secret was sent")),
    }
}

/// The client whose secret was presented.
///
/// An unknown id, a wrong secret and a revoked client go the same way: one digest and one
/// comparison, of which there is no second place, then the same answer.
pub(crate) fn verify(
    record: Option<Arc<ClientRecord>>,
    presented: &Presented<'_>,
) -> Result<Arc<ClientRecord>, Refusal> {
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
