//! What became of a credential after it was verified.

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{Identity, Rejection};

/// Knows, from memory, how long a credential that was verified before still stands: what is open
/// for it, a stream or a session, ends with it.
pub trait Standing: Send + Sync + 'static {
    /// When it ends, as far as is known now. A moment that is over for one that was revoked, or
    /// that is known no more; `None` if nobody has set it an end.
    ///
    /// # Errors
    /// [`Rejection::unavailable`] if that cannot be said now.
    fn end(&self, identity: &Identity) -> Result<Option<Timestamp>, Rejection>;

    /// Changes after every change by which a credential may have ended, and holds how many there
    /// were.
    fn changes(&self) -> watch::Receiver<u64>;
}
