//! Reads a JSON body, for clients that send one though OAuth is form-encoded.
//!
//! ```text
//! {"grant_type": "client_credentials", "client_id": "…", "client_secret": "…"}
//! ```
//!
//! One flat object, each member once, each value a string. No array either: who needs to name
//! more than one `resource` sends a form.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};

use crate::parameters::Parameters;
use crate::refusal::Refusal;

pub(crate) fn parse(body: &[u8]) -> Result<Parameters, Refusal> {
    let Flat(members) = serde_json::from_slice(body).map_err(|_| {
        // The parser's own words would repeat what was sent.
        Refusal::invalid_request(
            "the body is not one flat JSON object of strings that names each member once",
        )
    })?;
    Parameters::collect(members.into_iter().map(Ok))
}

/// An object of strings, none of whose names occurs twice.
struct Flat(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FlatVisitor)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Flat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flat object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member was named twice"));
            }
        }
        Ok(Flat(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(body: &[u8]) -> Option<BTreeMap<String, String>> {
        let parameters = parse(body).ok()?;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Some(parameters.pairs().into_iter().map(owned).collect())
    }

    #[test]
    fn only_a_flat_object_of_strings_is_read() {
        let read = parse(br#" {"grant_type": "a b", "scope": "", "resource": "x"} "#).ok().unwrap();
        assert_eq!((read.get("grant_type"), read.get("scope")), (Some("a b"), None));
        assert_eq!(read.resources(), ["x"]);
        for other in [
            "",
            "null",
            "\"a\"",
            "[]",
            r#"["grant_type","a"]"#,
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"a":true}"#,
            r#"{"a":["b"]}"#,
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":"b","a":"b"}"#,
            r#"{"a":"b","\u0061":"c"}"#,
            r#"{"resource":"a","resource":"b"}"#,
            r#"{"a":"b"}{"#,
            r#"{"a":"b",}"#,
            r#"{"a":"\ud800"}"#,
            r#"{'a':'b'}"#,
            "\u{feff}{}",
        ] {
            assert!(parse(other.as_bytes()).is_err(), "{other}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
        assert!(parse("[".repeat(10_000).as_bytes()).is_err());
        assert!(parse("{\"a\":".repeat(2_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_the_same_when_it_is_written_again(
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                prop::collection::vec(prop::sample::select(&br#"{}[]",:\au01 "#[..]), 0..40),
            ]
        ) {
            if let Some(read) = pairs(&body) {
                prop_assert_eq!(pairs(&serde_json::to_vec(&read).unwrap()), Some(read));
            }
        }

        #[test]
        fn json_and_a_form_say_the_same(
            sent in prop::collection::btree_map(any::<String>(), any::<String>(), 0..8)
        ) {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(&sent);
            let form = crate::form::parse(form.finish().as_bytes()).ok().unwrap();
            let json = parse(&serde_json::to_vec(&sent).unwrap()).ok().unwrap();
            prop_assert_eq!(form.pairs(), json.pairs());
        }
    }
}
