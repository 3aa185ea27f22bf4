//! A JSON object in which no name stands twice.
//!
//! RFC 7519 §4 lets a reader choose between refusing such a token and taking the last value.
//! Two readers that choose differently read two different tokens, so it is refused: also where
//! the name is one that nobody here reads.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor,
};

/// Most members of an object. Each is compared with all before it.
const MOST: usize = 64;

/// As many as most objects have: room is made for them once.
const USUAL: usize = 16;

/// What the error says of a name that stands twice.
pub(super) const TWICE: &str = "a member is there twice";

/// Reads one object and nothing else: derived code alone would take a list of values for it.
pub(super) fn unique<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice::<Unique<T>>(json).map(|object| object.0)
}

/// An object within another, likewise.
pub(super) struct Unique<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Object<T> {
            type Value = Unique<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Unique<T>, A::Error> {
                let watched = Watched { map, seen: Vec::with_capacity(USUAL) };
                T::deserialize(MapAccessDeserializer::new(watched)).map(Unique)
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// The members of an object, and the names that have come so far.
struct Watched<'de, A> {
    map: A,
    seen: Vec<Cow<'de, str>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Watched<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Name(name)) = self.map.next_key()? else { return Ok(None) };
        if self.seen.contains(&name) {
            return Err(A::Error::custom(TWICE));
        }
        if self.seen.len() == MOST {
            return Err(A::Error::custom("more members than anybody needs"));
        }
        let key = seed.deserialize(StrDeserializer::new(&name))?;
        self.seen.push(name);
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A name as it means, whatever escapes it was written with.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct One {
        a: Option<u8>,
    }

    #[test]
    fn a_name_stands_once() {
        let read = |json: &str| unique::<One>(json.as_bytes()).map(|one| one.a);
        assert_eq!(read(r#"{"a":1,"b":{"c":1,"c":2}}"#).unwrap(), Some(1));
        assert_eq!(read("{}").unwrap(), None);
        let twice = [
            r#"{"a":1,"a":1}"#,
            r#"{"b":1,"a":1,"b":1}"#,
            r#"{"\u0061":1,"a":1}"#,
            r#"{"":0,"":0}"#,
        ];
        for json in twice {
            let error = read(json).unwrap_err().to_string();
            assert!(error.starts_with(TWICE), "{json}: {error}");
        }
    }

    #[test]
    fn only_an_object_is_one() {
        for json in ["[1]", "1", "null", r#""a""#, "", "{", r#"{"a":1} x"#] {
            assert!(unique::<One>(json.as_bytes()).is_err(), "{json}");
        }
        let many: Vec<_> = (0..=MOST).map(|n| format!("\"{n}\":0")).collect();
        assert!(unique::<One>(format!("{{{}}}", many.join(",")).as_bytes()).is_err());
    }
}
