//! Public keys as a JSON document (RFC 7517).
//!
//! ```text
//! {"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"…","n":"…","e":"AQAB"}]}
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::keys::{KeyError, rsa_key};
use super::members::{Unique, unique};
use super::{KeySet, VerifyingKey};

/// The media type of such a document (RFC 7517 §8.5.2).
pub const MEDIA_TYPE: &str = "application/jwk-set+json";

/// Most keys of a document. Whoever rotates has two or three.
const MOST: usize = 64;

/// Members that only a private key or a secret has (RFC 7518 §6.3.2, §6.4.1).
const SECRETS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const FORM: &str = "it is no object with an array \"keys\" of objects, or says something twice";

#[derive(Deserialize)]
struct Set {
    keys: Vec<Unique<Map<String, Value>>>,
}

/// Why a document was not taken. The text never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// It is not JSON of this form.
    #[error("it is no JWK Set (RFC 7517 §5): {0}")]
    Form(&'static str),
    /// It holds more than everybody may know.
    #[error("key {number} is a secret or a private key; whoever has read the set can sign")]
    Secret {
        /// Its place, from 1.
        number: usize,
    },
    /// One of its keys cannot be used.
    #[error("key {number}: {source}")]
    Key {
        /// Its place, from 1.
        number: usize,
        /// What is wrong with it.
        source: KeyError,
    },
}

impl KeySet {
    /// The keys of a JWK Set that verify RS256.
    ///
    /// Keys for something else, by their `kty`, `use`, `key_ops` or `alg`, are passed over
    /// (RFC 7517 §5), and so are members that nobody here reads, such as `x5c`. If none is left,
    /// that is an answer too: its issuer has withdrawn them. A set with a secret in it, with two
    /// keys of one name, or with a key for RS256 that is weak or verifies nothing is refused whole.
    ///
    /// # Errors
    /// It is no such set, or a key of it cannot be used.
    pub fn jwks(json: &[u8]) -> Result<Self, JwksError> {
        // The parser's words may repeat what is there.
        let Set { keys } = unique(json).map_err(|_| JwksError::Form(FORM))?;
        if keys.len() > MOST {
            return Err(JwksError::Form("it has more than 64 keys"));
        }
        let mut found: Vec<VerifyingKey> = Vec::new();
        for (index, Unique(key)) in keys.iter().enumerate() {
            let number = index + 1;
            if SECRETS.iter().any(|secret| key.contains_key(*secret)) || text(key, "kty") == "oct" {
                return Err(JwksError::Secret { number });
            }
            if !verifies_rs256(key) {
                continue;
            }
            let key = rsa(key).map_err(|source| JwksError::Key { number, source })?;
            if found.iter().any(|other| other.kid() == key.kid()) {
                return Err(JwksError::Key { number, source: KeyError::Twice });
            }
            found.push(key);
        }
        Ok(found.into_iter().collect())
    }

    /// The public keys that verify something at this moment, as a JWK Set. Secrets are left out.
    pub fn to_jwks(&self, now: Timestamp) -> Value {
        let live = self.iter().filter(|key| key.is_live(now));
        let keys: Vec<Value> = live.filter_map(public).collect();
        json!({ "keys": keys })
    }
}

fn public(key: &VerifyingKey) -> Option<Value> {
    if key.algorithm != Algorithm::RS256 {
        return None;
    }
    let jwk = Jwk::from_decoding_key(&key.key, Some(Algorithm::RS256)).ok()?;
    let AlgorithmParameters::RSA(rsa) = jwk.algorithm else { return None };
    Some(json!({
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.kid(), "n": rsa.n, "e": rsa.e,
    }))
}

/// What is not said is not against it (RFC 7517 §4.2 to §4.4).
fn verifies_rs256(key: &Map<String, Value>) -> bool {
    let says = |name: &str, wanted: &str| key.get(name).is_none_or(|value| value == wanted);
    let operations = key.get("key_ops").is_none_or(|operations| {
        operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
    });
    text(key, "kty") == "RSA" && says("use", "sig") && says("alg", "RS256") && operations
}

fn rsa(key: &Map<String, Value>) -> Result<VerifyingKey, KeyError> {
    let number = |name| URL_SAFE_NO_PAD.decode(text(key, name)).map_err(|_| KeyError::NoComponents);
    let (own_name, verifies) = rsa_key(&number("n")?, &number("e")?)?;
    let kid = match key.get("kid") {
        Some(Value::String(kid)) if !kid.is_empty() => kid.clone(),
        Some(_) => return Err(KeyError::NoName),
        None => own_name,
    };
    Ok(VerifyingKey { kid, algorithm: Algorithm::RS256, key: verifies, until: None })
}

fn text<'a>(key: &'a Map<String, Value>, name: &str) -> &'a str {
    key.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2048 bits, made for these tests; nobody has the private half.
    fn modulus() -> String {
        let mut bytes = [0x5a; 256];
        (bytes[0], bytes[255]) = (0xc3, 0x0b);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn key(kid: &str) -> Value {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": modulus(), "e": "AQAB"})
    }

    fn with(changes: &Value) -> Value {
        let mut key = key("a");
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    fn kids(keys: &[Value]) -> Result<Vec<String>, String> {
        let set = KeySet::jwks(json!({ "keys": keys, "more": 1 }).to_string().as_bytes());
        let set = set.map_err(|error| error.to_string())?;
        Ok(set.iter().map(|key| key.kid().to_owned()).collect())
    }

    #[test]
    fn a_set_that_was_written_is_read_back() {
        let set = json!({ "keys": [key("a"), key("b")] });
        let read = KeySet::jwks(set.to_string().as_bytes()).unwrap();
        assert_eq!(read.to_jwks(Timestamp::UNIX_EPOCH), set);
        let secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let secret = KeySet::hs256(secret).unwrap();
        assert_eq!(secret.to_jwks(Timestamp::UNIX_EPOCH), json!({ "keys": [] }));
    }

    #[test]
    fn what_is_for_something_else_is_passed_over() {
        for other in [
            json!({"use": "enc", "alg": "RSA-OAEP"}),
            json!({"use": "enc"}),
            json!({"alg": "PS256"}),
            json!({"alg": null}),
            json!({"kty": "EC", "crv": "P-256"}),
            json!({"kty": 1}),
            json!({"key_ops": ["encrypt"]}),
            json!({"key_ops": "verify"}),
        ] {
            assert_eq!(kids(&[with(&other), key("b")]).as_deref(), Ok(&["b".to_owned()][..]));
            assert_eq!(kids(&[with(&other)]).as_deref(), Ok(&[][..]), "{other}");
        }
        // What is not said is not against it.
        let plain = json!({"kty": "RSA", "n": modulus(), "e": "AQAB", "x5c": ["AAAA"]});
        assert_eq!(kids(&[plain]).unwrap()[0].len(), 43, "its thumbprint is its name");
        assert!(kids(&[with(&json!({"key_ops": ["verify"]}))]).is_ok());
    }

    #[test]
    fn zeros_before_a_number_change_neither_the_key_nor_its_name() {
        let bytes = URL_SAFE_NO_PAD.decode(modulus()).unwrap();
        let long = URL_SAFE_NO_PAD.encode([&[0, 0], &bytes[..]].concat());
        let read = |n: &str, e: &str| {
            let set = json!({"keys": [{"kty": "RSA", "n": n, "e": e}]}).to_string();
            KeySet::jwks(set.as_bytes()).unwrap().to_jwks(Timestamp::UNIX_EPOCH)
        };
        assert_eq!(read(&long, "AAEAAQ"), read(&modulus(), "AQAB"));
        let wide = with(&json!({"e": "Af____8"}));
        assert!(kids(&[wide]).is_ok(), "33 bits are verified with");
    }

    #[test]
    fn a_set_that_cannot_be_trusted_is_refused_whole() {
        let weak = URL_SAFE_NO_PAD.encode([0xff; 255]);
        let mut even = [0xff; 256];
        even[255] = 0xfe;
        for (bad, said) in [
            (json!({"kty": "oct", "k": "AAAA"}), "key 2 is a secret"),
            (json!({"kty": "oct"}), "key 2 is a secret"),
            (with(&json!({"d": "AAAA"})), "key 2 is a secret"),
            (key("good"), "key 2: it is there twice"),
            (with(&json!({"n": weak})), "key 2: the RSA key has 2040 bits"),
            (with(&json!({"n": ""})), "key 2: "),
            (with(&json!({"n": "!"})), "key 2: "),
            (with(&json!({"e": "AQ"})), "key 2: "),
            (with(&json!({"e": "AAAB"})), "key 2: "),
            (with(&json!({"e": "Ag"})), "key 2: "),
            (with(&json!({"e": ""})), "key 2: "),
            (with(&json!({"kid": 7})), "key 2: its kid"),
            (with(&json!({"kid": ""})), "key 2: its kid"),
            (json!("text"), "no JWK Set"),
            // Keys that would never verify anything.
            (with(&json!({"n": URL_SAFE_NO_PAD.encode([0xff; 1125])})), "has 9000 bits"),
            (with(&json!({"n": URL_SAFE_NO_PAD.encode(even)})), "key 2: its n and e"),
            (with(&json!({"e": URL_SAFE_NO_PAD.encode([0xff; 65])})), "key 2: its n and e"),
            (with(&json!({"e": "A_____8"})), "key 2: its n and e"),
        ] {
            let error = kids(&[key("good"), bad.clone()]).unwrap_err();
            assert!(error.contains(said), "{bad}: {error}");
        }
        let many: Vec<_> = (0..65).map(|number| key(&number.to_string())).collect();
        assert!(kids(&many).unwrap_err().contains("64"));
        let twice =
            key("a").to_string().replace("\"use\":\"sig\"", "\"use\":\"enc\",\"use\":\"sig\"");
        for text in [
            "",
            "[]",
            "{}",
            "null",
            "{\"keys\":{}}",
            "{\"keys\":[],\"keys\":[]}",
            &format!("{{\"keys\":[{twice}]}}"),
        ] {
            assert!(KeySet::jwks(text.as_bytes()).is_err(), "{text}");
        }
    }
}
