//! How a key is made, and its form.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use rand::distr::{Alphanumeric, SampleString};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

const PREFIX: &str = "mcpk_";
const ID_LENGTH: usize = 16;
/// 62^43 > 2^256.
const SECRET_LENGTH: usize = 43;
const CRC_LENGTH: usize = 8;
const BODY_LENGTH: usize = PREFIX.len() + ID_LENGTH + 1 + SECRET_LENGTH;

/// Length in bytes of every key.
pub const KEY_LENGTH: usize = BODY_LENGTH + 1 + CRC_LENGTH;

/// The public part of a key: 16 hexadecimal digits. It may stand in logs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(u64);

/// SHA-256 of a whole key: all that a store keeps of it.
pub type KeyDigest = [u8; 32];

/// A key in clear, right after it was made. It has no `Debug`, and is wiped when dropped.
pub struct PlainKey(Zeroizing<String>);

impl PlainKey {
    /// A new key from the operating system's randomness.
    pub fn mint() -> Self {
        let mut rng = rand::rng();
        let id: u64 = rand::RngExt::random(&mut rng);
        let mut key = Zeroizing::new(String::with_capacity(KEY_LENGTH));
        key.push_str(&format!("{PREFIX}{id:016x}_"));
        Alphanumeric.append_string(&mut rng, &mut key, SECRET_LENGTH);
        let crc = crc32fast::hash(key.as_bytes());
        key.push_str(&format!("_{crc:08x}"));
        Self(key)
    }

    /// The key itself, to be shown once or written to a secret file.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The id within it.
    pub fn id(&self) -> KeyId {
        KeyId::in_key(&self.0).expect("a key that was minted here has this form")
    }

    /// What a store keeps.
    pub fn digest(&self) -> KeyDigest {
        key_digest(&self.0)
    }
}

impl KeyId {
    /// The id of a presented key, if it has the form of a key and its checksum is right.
    ///
    /// Rubbish fails here, before any digest is computed.
    pub fn in_key(key: &str) -> Option<Self> {
        let bytes = key.as_bytes();
        if bytes.len() != KEY_LENGTH || !key.starts_with(PREFIX) || bytes[BODY_LENGTH] != b'_' {
            return None;
        }
        let (body, crc) = key.split_at_checked(BODY_LENGTH)?;
        if u32::from_str_radix(lower_hex(crc.get(1..)?)?, 16).ok()?
            != crc32fast::hash(body.as_bytes())
        {
            return None;
        }
        let id = body.get(PREFIX.len()..PREFIX.len() + ID_LENGTH)?;
        let secret = body.get(PREFIX.len() + ID_LENGTH..)?.strip_prefix('_')?;
        let well_formed = secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        well_formed.then(|| Self::parse(id)).flatten()
    }

    /// Reads the 16 digits as [`fmt::Display`] writes them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = lower_hex(text).filter(|digits| digits.len() == ID_LENGTH)?;
        u64::from_str_radix(digits, 16).ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The one place where a key becomes a digest.
pub(in crate::authn) fn key_digest(key: &str) -> KeyDigest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    bytes
}

/// Whether a credential has the digest that is kept of it; never, if none is.
///
/// What is not there costs what is there does: one digest, one comparison, in constant time.
pub(in crate::authn) fn digest_matches(
    kept: Option<&KeyDigest>,
    digest: impl FnOnce() -> KeyDigest,
) -> Choice {
    let expected = kept.unwrap_or(&[0; 32]);
    digest().ct_eq(expected) & Choice::from(u8::from(kept.is_some()))
}

/// One spelling per number: no signs, no capitals.
fn lower_hex(text: &str) -> Option<&str> {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_read_back() {
        let key = PlainKey::mint();
        assert_eq!(key.reveal().len(), KEY_LENGTH);
        assert_eq!(KeyId::parse(&key.id().to_string()), Some(key.id()));
        assert_ne!(key.reveal(), PlainKey::mint().reveal());
    }

    #[test]
    fn whoever_asks_costs_one_digest() {
        let kept = key_digest("a");
        for (kept, presented, right) in [
            (Some(&kept), "a", true),
            (Some(&kept), "b", false),
            (None, "a", false),
            (None, "", false),
        ] {
            let mut digests = 0;
            let matches = digest_matches(kept, || {
                digests += 1;
                key_digest(presented)
            });
            assert_eq!((bool::from(matches), digests), (right, 1), "{presented}");
        }
        assert!(!bool::from(digest_matches(None, || [0; 32])), "nothing is kept, nothing matches");
    }

    #[test]
    fn one_wrong_character_anywhere_is_no_key() {
        let key = PlainKey::mint().reveal().to_owned();
        for at in 0..key.len() {
            for wrong in ['!', 'A', '0', '_', 'é'] {
                let mut changed: Vec<char> = key.chars().collect();
                if changed[at] == wrong {
                    continue;
                }
                changed[at] = wrong;
                let changed: String = changed.into_iter().collect();
                assert_eq!(KeyId::in_key(&changed), None, "{at} {wrong}");
            }
            assert_eq!(KeyId::in_key(&key[..at]), None);
        }
        assert_eq!(KeyId::in_key(&format!("{key}0")), None);
        assert_eq!(KeyId::in_key(&key.to_uppercase()), None);
    }
}
