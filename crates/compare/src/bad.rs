//! Requests with something else than one good credential.

use client::Credential;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::situations::Sent;
use crate::{Side, tokens, wire};

/// Not a credential of any scheme, but a value that a header may hold.
const GARBAGE: &str = "not-a-credential";

/// The requests of a situation at the door. Each is a call that a good credential may make.
pub(crate) fn requests(side: &Side, sent: Sent) -> anyhow::Result<Vec<Request<String>>> {
    let with = |credential: &Credential| call(&side.url, Some(credential));
    Ok(match sent {
        Sent::Nothing => vec![call(&side.url, None)],
        Sent::Garbage => vec![with(&Side::present(side.kind, GARBAGE)?)],
        Sent::Wrong => vec![with(&side.wrong)],
        Sent::Tampered => vec![with(&side.tampered)],
        Sent::Expired => vec![with(&side.expired)],
        Sent::Twice => vec![twice(side)?],
        Sent::InQuery => vec![call(&tokens::in_query(side), None)],
        Sent::Foreign => side.foreign.iter().map(with).collect(),
    })
}

/// An API key with one character of its secret changed and its checksum made right again, so
/// that it is refused for what it is and not for its form.
pub(crate) fn tampered_key(key: &str) -> Option<String> {
    let (body, _) = key.rsplit_once('_')?;
    let last = if body.ends_with('a') { 'b' } else { 'a' };
    let mut body = body.to_owned();
    body.pop();
    body.push(last);
    let crc = crc32fast::hash(body.as_bytes());
    Some(format!("{body}_{crc:08x}"))
}

fn call(url: &str, credential: Option<&Credential>) -> Request<String> {
    wire::call(url, credential, "get_time", json!({}))
}

fn twice(side: &Side) -> anyhow::Result<Request<String>> {
    let secret = side.bob.secret().expose_secret();
    let mut request = call(&side.url, None);
    let headers = request.headers_mut();
    for (name, value) in
        [(AUTHORIZATION.as_str(), format!("Bearer {secret}")), ("x-api-key", secret.to_owned())]
    {
        let name: http::HeaderName = name.parse()?;
        headers.insert(name, HeaderValue::from_str(&value)?);
    }
    Ok(request)
}
