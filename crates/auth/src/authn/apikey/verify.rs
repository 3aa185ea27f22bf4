//! The scheme `apikey`: presented key → record → identity.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::mint::{KeyDigest, digest_matches, key_digest};
use super::{KeyId, Lookup};
use crate::authn::Scheme;
use crate::authn::credential::{Credential, is_b64token};
use crate::{Identity, Rejection};

/// The scheme's name.
pub const NAME: &str = "apikey";

/// Verifies API keys against a store.
#[derive(Debug)]
pub struct ApiKeys<L> {
    lookup: L,
    accept_basic: bool,
}

/// Verifies the one key that a server was given: the simplest form of the scheme.
#[derive(Clone)]
pub struct OneKey {
    digest: KeyDigest,
    identity: Arc<Identity>,
    accept_basic: bool,
}

/// Why a key given to [`OneKey`] was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitKey {
    /// It could not be sent in a header.
    #[error("the key may hold letters, digits and - . _ ~ + / alone (and = at its end)")]
    Form,
    /// It could be guessed.
    #[error("the key has {0} characters and needs at least {min}", min = OneKey::MIN_LENGTH)]
    Short(usize),
}

impl<L: Lookup> ApiKeys<L> {
    /// Verifies against `lookup`. With `accept_basic` a key may also be the password of
    /// `Authorization: Basic` (RFC 7617); the user name is not looked at.
    pub fn new(lookup: L, accept_basic: bool) -> Self {
        Self { lookup, accept_basic }
    }

    /// The identity behind a key.
    ///
    /// # Errors
    /// 401 for every key that is not valid now; what the lookup says if it cannot tell.
    pub async fn verify(&self, key: &str) -> Result<Arc<Identity>, Rejection> {
        let Some(id) = KeyId::in_key(key) else {
            return Err(Rejection::invalid_credential("not an API key, or its checksum is wrong"));
        };
        let record = self.lookup.find(id).await?;
        let digest = record.as_ref().map(|record| &record.digest);
        let same: bool = digest_matches(digest, || key_digest(key)).into();
        let Some(record) = record else {
            return Err(Rejection::invalid_credential(format!("no API key has the id {id}")));
        };
        if !same {
            return Err(Rejection::invalid_credential(format!("wrong secret for API key {id}")));
        }
        if let Some(since) = record.revoked {
            let reason = format!("API key {id} was revoked at {since}");
            return Err(Rejection::revoked_credential(reason));
        }
        let now = Timestamp::now();
        if let Some(end) = record.identity.expires.filter(|end| *end <= now) {
            return Err(Rejection::expired_credential(format!("API key {id} expired at {end}")));
        }
        if record.uses.note(now) {
            self.lookup.used(id, &record.uses);
        }
        Ok(Arc::clone(&record.identity))
    }
}

impl<L: Lookup> Scheme for ApiKeys<L> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn authenticate(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        match Credential::read(head)? {
            Credential::ApiKey(key) | Credential::Bearer(key) => self.verify(key).await,
            Credential::Basic(value) if self.accept_basic => {
                self.verify(&basic_password(value)?).await
            }
            Credential::Basic(_) => Err(no_basic()),
        }
    }
}

impl OneKey {
    /// Fewer characters could be guessed.
    pub const MIN_LENGTH: usize = 32;

    /// Verifies against this one key, whoever presents it being `identity`.
    ///
    /// # Errors
    /// The key is too short to be safe, or could never be presented.
    pub fn new(key: &str, identity: Identity, accept_basic: bool) -> Result<Self, UnfitKey> {
        if key.len() < Self::MIN_LENGTH {
            return Err(UnfitKey::Short(key.len()));
        }
        if !is_b64token(key) {
            return Err(UnfitKey::Form);
        }
        Ok(Self { digest: key_digest(key), identity: Arc::new(identity), accept_basic })
    }

    fn verify(&self, key: &str) -> Result<Arc<Identity>, Rejection> {
        if digest_matches(Some(&self.digest), || key_digest(key)).into() {
            Ok(Arc::clone(&self.identity))
        } else {
            Err(Rejection::invalid_credential("not the one API key of this server"))
        }
    }
}

impl Scheme for OneKey {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn authenticate(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        match Credential::read(head)? {
            Credential::ApiKey(key) | Credential::Bearer(key) => self.verify(key),
            Credential::Basic(value) if self.accept_basic => self.verify(&basic_password(value)?),
            Credential::Basic(_) => Err(no_basic()),
        }
    }
}

fn no_basic() -> Rejection {
    Rejection::no_credential("Basic is not accepted without --accept-basic")
}

/// RFC 7617 §2: the password is all behind the first colon.
fn basic_password(value: &str) -> Result<Zeroizing<String>, Rejection> {
    let malformed = |reason| Rejection::malformed_credential(reason);
    let bytes = STANDARD.decode(value).map_err(|_| malformed("Basic is not base64"))?;
    let text =
        Zeroizing::new(String::from_utf8(bytes).map_err(|_| malformed("Basic is not UTF-8"))?);
    match text.split_once(':') {
        Some((_, password)) => Ok(Zeroizing::new(password.to_owned())),
        None => Err(malformed("Basic has no colon")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::authn::apikey::{KeyRecord, PlainKey};

    struct Keys(HashMap<KeyId, Arc<KeyRecord>>);

    impl Lookup for Keys {
        async fn find(&self, id: KeyId) -> Result<Option<Arc<KeyRecord>>, Rejection> {
            Ok(self.0.get(&id).cloned())
        }
    }

    fn identity(expires: Option<Timestamp>) -> Identity {
        Identity { expires, ..Identity::new(NAME, "keys", "bob") }
    }

    fn keys(key: &PlainKey, change: impl Fn(&mut KeyRecord)) -> ApiKeys<Keys> {
        let mut record = KeyRecord {
            digest: key.digest(),
            identity: Arc::new(identity(None)),
            revoked: None,
            uses: Arc::default(),
        };
        change(&mut record);
        ApiKeys::new(Keys(HashMap::from([(key.id(), Arc::new(record))])), false)
    }

    #[tokio::test]
    async fn only_a_live_key_passes() {
        let key = PlainKey::mint();
        assert_eq!(keys(&key, |_| ()).verify(key.reveal()).await.unwrap().user, "bob");

        let now = Timestamp::now();
        let refused = [
            keys(&PlainKey::mint(), |_| ()),
            keys(&key, |record| record.digest = PlainKey::mint().digest()),
            keys(&key, |record| record.revoked = Some(now)),
            keys(&key, |record| record.identity = Arc::new(identity(Some(now)))),
        ];
        for keys in refused {
            let rejection = keys.verify(key.reveal()).await.unwrap_err();
            assert_eq!(rejection.status(), 401);
            assert!(!rejection.reason().contains(key.reveal()));
        }
    }

    #[test]
    fn a_key_that_is_short_or_cannot_be_sent_is_not_taken() {
        let spaced = "correct horse battery staple, in full";
        for key in ["", "hunter2", spaced, &"ü".repeat(40)] {
            assert!(OneKey::new(key, identity(None), false).is_err(), "{key}");
        }
        let one = OneKey::new(&"k".repeat(32), identity(None), false).unwrap();
        assert!(one.verify(&"k".repeat(32)).is_ok());
        assert!(one.verify(&"k".repeat(33)).is_err());
    }
}
