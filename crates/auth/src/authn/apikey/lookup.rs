//! What a store of keys has to answer.

use std::sync::Arc;

use jiff::Timestamp;

use super::mint::KeyDigest;
use super::{KeyId, Uses};
use crate::{Identity, Rejection};

/// What a store keeps of one key.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// SHA-256 of the whole key.
    pub digest: KeyDigest,
    /// Who calls with it. Its `expires` is the key's.
    pub identity: Arc<Identity>,
    /// Since when the key is refused, if it was revoked.
    pub revoked: Option<Timestamp>,
    /// Where its uses are counted.
    pub uses: Arc<Uses>,
}

/// Finds keys by their id.
pub trait Lookup: Send + Sync + 'static {
    /// The record of a key, or `None` if there is no such id.
    ///
    /// # Errors
    /// [`Rejection::unavailable`] if that cannot be said now.
    fn find(
        &self,
        id: KeyId,
    ) -> impl Future<Output = Result<Option<Arc<KeyRecord>>, Rejection>> + Send;

    /// Called when a key is used for the first time since its [`Uses`] were taken: whoever keeps
    /// them need not look at those of all keys. It must not wait.
    fn used(&self, id: KeyId, uses: &Arc<Uses>) {
        let _ = (id, uses);
    }
}

impl<L: Lookup> Lookup for Arc<L> {
    async fn find(&self, id: KeyId) -> Result<Option<Arc<KeyRecord>>, Rejection> {
        (**self).find(id).await
    }

    fn used(&self, id: KeyId, uses: &Arc<Uses>) {
        (**self).used(id, uses);
    }
}
