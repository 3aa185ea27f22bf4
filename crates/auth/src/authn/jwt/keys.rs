//! What verifies a token, by `kid`.

use std::future::{Future, ready};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::key_file::{self, KeyFileError};
use crate::{Live, Rejection};

/// Fewest bytes of a secret for HS256 (RFC 7518 §3.2).
const MIN_SECRET_LENGTH: usize = 32;
/// Fewest bits of an RSA modulus (RFC 7518 §3.3).
const MIN_RSA_BITS: usize = 2048;
/// Most bits of it, and of the exponent: with more, what verifies says no to every signature.
const MAX_RSA_BITS: usize = 8192;
const MAX_EXPONENT_BITS: usize = 33;

/// A key that verifies tokens of exactly one algorithm (RFC 8725 §3.1).
#[derive(Debug)]
pub struct VerifyingKey {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    /// From when on it verifies no more.
    pub(super) until: Option<Timestamp>,
}

/// Finds the key for a token.
pub trait Keys: Send + Sync + 'static {
    /// The key of that name; for a token that names none, the only key that verifies now.
    ///
    /// The name comes from a stranger: it is looked up and never interpreted.
    ///
    /// # Errors
    /// [`Rejection::unavailable`] if that cannot be said now.
    fn find(&self, kid: Option<&str>) -> Result<Option<Arc<VerifyingKey>>, Rejection>;

    /// Asks for newer keys, because none has the name that a token gives. Whether there may be
    /// others now; keys that come by themselves are not asked for.
    fn newer(&self) -> impl Future<Output = bool> + Send {
        ready(false)
    }
}

/// A set of keys that does not change. A [`Live`] one is replaced by another.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<Arc<VerifyingKey>>);

/// Why a key was not taken. The text never holds the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no private key in the text.
    #[error("it holds no RSA private key in PEM (PKCS#8)")]
    NoPrivateKey,
    /// There is no public key in the text.
    #[error("it holds no RSA public key in PEM (SPKI, \"BEGIN PUBLIC KEY\")")]
    NoPublicKey,
    /// Two keys would be one to every token.
    #[error("it is there twice: a key above has the same name")]
    Twice,
    /// Modulus or exponent of a JWK cannot be an RSA key's.
    #[error("its n and e are no RSA public key")]
    NoComponents,
    /// Its name is not text, or empty.
    #[error("its kid is not text, or empty")]
    NoName,
    /// There is more in the text than a verifier may have.
    #[error("it holds a private key too; give the public half alone")]
    PrivateKeyToo,
    /// The secret is not in base64url.
    #[error("it is not base64url")]
    NoSecret,
    /// The RSA key could be factored.
    #[error("the RSA key has {bits} bits and needs at least {MIN_RSA_BITS}")]
    ShortRsaKey {
        /// Size of its modulus.
        bits: usize,
    },
    /// No signature under the RSA key is ever verified.
    #[error("the RSA key has {bits} bits and may have {MAX_RSA_BITS} at most")]
    LongRsaKey {
        /// Size of its modulus.
        bits: usize,
    },
    /// The secret could be guessed.
    #[error("the secret has {bytes} bytes and needs at least {MIN_SECRET_LENGTH}")]
    ShortSecret {
        /// Its size.
        bytes: usize,
    },
}

impl VerifyingKey {
    /// Verifies HMAC-SHA-256 under a secret of at least 32 bytes in base64url.
    ///
    /// # Errors
    /// The text is not base64url, or shorter than 32 bytes (RFC 7518 §3.2).
    pub fn hs256(secret: &str) -> Result<Self, KeyError> {
        let (kid, bytes) = hs256_secret(secret)?;
        let key = DecodingKey::from_secret(&bytes);
        Ok(Self { kid, algorithm: Algorithm::HS256, key, until: None })
    }

    /// Verifies RSASSA-PKCS1-v1_5 with SHA-256 under a public key in PEM (SPKI).
    ///
    /// Its `kid` is the RFC 7638 thumbprint.
    ///
    /// # Errors
    /// The text is no such key, or the key has fewer than 2048 bits (RFC 7518 §3.3) or more than
    /// 8192.
    pub fn rs256(pem: &str) -> Result<Self, KeyError> {
        if pem.contains("PRIVATE KEY") {
            return Err(KeyError::PrivateKeyToo);
        }
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| KeyError::NoPublicKey)?;
        let kid = rsa_kid(&der)?;
        let key = DecodingKey::from_rsa_der(&der);
        Ok(Self { kid, algorithm: Algorithm::RS256, key, until: None })
    }

    /// The name of the key, as tokens carry it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The name of its algorithm (RFC 7518 §3.1).
    pub fn algorithm(&self) -> String {
        format!("{:?}", self.algorithm)
    }

    /// From when on it verifies no more, if that is known.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

impl KeySet {
    /// The secrets of a file in the format of [`key_file`], for HS256.
    ///
    /// # Errors
    /// The file is not in that format, or one of its secrets cannot be used, or is there twice.
    pub fn hs256(text: &str) -> Result<Self, KeyFileError> {
        Self::read(text, VerifyingKey::hs256)
    }

    /// The public keys of a file in the format of [`key_file`], for RS256.
    ///
    /// # Errors
    /// The file is not in that format, or one of its keys cannot be used, or is there twice.
    pub fn rs256(text: &str) -> Result<Self, KeyFileError> {
        Self::read(text, VerifyingKey::rs256)
    }

    fn read(
        text: &str,
        key: impl Fn(&str) -> Result<VerifyingKey, KeyError>,
    ) -> Result<Self, KeyFileError> {
        let mut set = Self(Vec::new());
        for entry in key_file::entries(text)? {
            let key = key(entry.text).map_err(|error| entry.refused(error))?;
            if set.0.iter().any(|other| other.kid == key.kid) {
                return Err(entry.refused(KeyError::Twice));
            }
            set.0.push(Arc::new(VerifyingKey { until: entry.verify_until, ..key }));
        }
        Ok(set)
    }

    /// The keys, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter().map(|key| &**key)
    }

    /// Whether one of the keys verifies anything at this moment.
    pub fn verifies_at(&self, now: Timestamp) -> bool {
        self.iter().any(|key| key.is_live(now))
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self(vec![Arc::new(key)])
    }
}

impl FromIterator<VerifyingKey> for KeySet {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(Arc::new).collect())
    }
}

impl Keys for KeySet {
    fn find(&self, kid: Option<&str>) -> Result<Option<Arc<VerifyingKey>>, Rejection> {
        if let Some(kid) = kid {
            return Ok(self.0.iter().find(|key| key.kid == kid).cloned());
        }
        if let [only] = self.0.as_slice() {
            return Ok(Some(Arc::clone(only)));
        }
        let now = Timestamp::now();
        let mut live = self.0.iter().filter(|key| key.is_live(now));
        Ok(live.next().filter(|_| live.next().is_none()).cloned())
    }
}

impl Keys for Live<KeySet> {
    fn find(&self, kid: Option<&str>) -> Result<Option<Arc<VerifyingKey>>, Rejection> {
        self.with(|keys| keys.find(kid))
    }
}

/// The `kid` and the bytes of a secret. The `kid` is a digest of it, cut to 64 bits.
pub(super) fn hs256_secret(secret: &str) -> Result<(String, Zeroizing<Vec<u8>>), KeyError> {
    let decoded = URL_SAFE_NO_PAD.decode(secret.trim()).map_err(|_| KeyError::NoSecret)?;
    let bytes = Zeroizing::new(decoded);
    if bytes.len() < MIN_SECRET_LENGTH {
        return Err(KeyError::ShortSecret { bytes: bytes.len() });
    }
    let mut named = Zeroizing::new(b"mcp-auth kid ".to_vec());
    named.extend_from_slice(&bytes);
    Ok((URL_SAFE_NO_PAD.encode(&digest(&SHA256, &named).as_ref()[..8]), bytes))
}

/// RFC 7638 thumbprint of a public key in DER (SPKI), if RS256 can be verified with it.
pub(super) fn rsa_kid(der: &[u8]) -> Result<String, KeyError> {
    let jwk = Jwk::from_decoding_key(&DecodingKey::from_rsa_der(der), Some(Algorithm::RS256))
        .map_err(|_| KeyError::NoPublicKey)?;
    let AlgorithmParameters::RSA(parameters) = &jwk.algorithm else {
        return Err(KeyError::NoPublicKey);
    };
    let decode = |number: &str| URL_SAFE_NO_PAD.decode(number).map_err(|_| KeyError::NoPublicKey);
    Ok(rsa_key(&decode(&parameters.n)?, &decode(&parameters.e)?)?.0)
}

/// The RFC 7638 thumbprint and the key of modulus and exponent, if RS256 can be verified with them.
///
/// Both are taken without the zeros that some write before them (RFC 7518 §6.3.1.1), so that one
/// key has one name, and verifies.
pub(super) fn rsa_key(n: &[u8], e: &[u8]) -> Result<(String, DecodingKey), KeyError> {
    let (n, e) = (without_zeros(n), without_zeros(e));
    match bits_of(n) {
        bits if bits < MIN_RSA_BITS => return Err(KeyError::ShortRsaKey { bits }),
        bits if bits > MAX_RSA_BITS => return Err(KeyError::LongRsaKey { bits }),
        _ => {}
    }
    let even = |number: &[u8]| number.last().is_none_or(|last| last % 2 == 0);
    // With an exponent of 1 every message is its own signature.
    if even(n) || even(e) || e == [1] || bits_of(e) > MAX_EXPONENT_BITS {
        return Err(KeyError::NoComponents);
    }
    let key = DecodingKey::from_rsa_raw_components(n, e);
    let jwk = Jwk::from_decoding_key(&key, Some(Algorithm::RS256));
    let kid = jwk.and_then(|jwk| jwk.thumbprint(ThumbprintHash::SHA256));
    Ok((kid.map_err(|_| KeyError::NoComponents)?, key))
}

/// The size of a number without zeros before it.
fn bits_of(number: &[u8]) -> usize {
    number.len() * 8 - number.first().map_or(0, |byte| byte.leading_zeros() as usize)
}

/// A number without the zeros before it.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::super::mint::new_hs256_secret;
    use super::*;

    #[test]
    fn a_token_without_a_name_is_under_the_only_key_that_verifies() {
        let secrets = [(); 2].map(|()| new_hs256_secret());
        let [first, second] = secrets.each_ref().map(|secret| secret.as_str());
        let found = |until: &str| {
            let file = format!("Verify-Until: {until}\n{first}\n\nSign-From: {until}\n{second}\n");
            let keys = KeySet::hs256(&file).unwrap();
            assert!(keys.verifies_at(Timestamp::now()));
            keys.find(None).unwrap().map(|key| key.kid().to_owned())
        };
        assert_eq!(found("2999-01-01T00:00:00Z"), None);
        let new = VerifyingKey::hs256(second).unwrap().kid().to_owned();
        assert_eq!(found("2020-01-01T00:00:00Z"), Some(new));
        let over = format!("Verify-Until: 2020-01-01T00:00:00Z\n{first}\n");
        assert!(!KeySet::hs256(&over).unwrap().verifies_at(Timestamp::now()));
    }
}
