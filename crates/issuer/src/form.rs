//! The parameters of a token request (RFC 6749 §3.2 and appendix B).

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::refusal::Refusal;

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
/// The only parameter that may be repeated (RFC 8707 §2).
const REPEATABLE: &str = "resource";

/// What was sent: each name once, without what was empty. It may hold a secret, and so it
/// has no `Debug`.
pub(crate) struct Form {
    values: BTreeMap<String, String>,
    resources: Vec<String>,
}

impl Form {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut values = BTreeMap::new();
        let mut resources = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if name == REPEATABLE {
                resources.push(value.into_owned());
            } else if values.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Refusal::invalid_request("a parameter was sent more than once"));
            }
        }
        // A parameter without a value counts as omitted (RFC 6749 §3.2).
        values.retain(|_, value| !value.is_empty());
        resources.retain(|resource| !resource.is_empty());
        Ok(Self { values, resources })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn resources(&self) -> &[String] {
        &self.resources
    }
}

/// JSON in particular is not OAuth, though it looks as if it could work.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let (first, second) = (given.next(), given.next());
    let essence = first
        .filter(|_| second.is_none())
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim());
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case(MEDIA_TYPE)) {
        return Ok(());
    }
    Err(Refusal::invalid_request("send the parameters as application/x-www-form-urlencoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_omitted_and_twice_is_refused() {
        let form = Form::parse(b"grant_type=a%20b&scope=&resource=x&resource=&resource=y").ok();
        let form = form.unwrap();
        assert_eq!(form.get("grant_type"), Some("a b"));
        assert_eq!(form.get("scope"), None);
        assert_eq!(form.resources(), ["x", "y"]);
        for twice in ["scope=a&scope=a", "scope=&scope=a", "unknown=1&unknown=2"] {
            assert!(Form::parse(twice.as_bytes()).is_err(), "{twice}");
        }
    }
}
