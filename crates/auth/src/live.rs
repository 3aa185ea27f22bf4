//! Something that is replaced while it is used.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// A value that is replaced while it is used. Clones are one: what one replaces, all have.
///
/// Nobody who reads it waits, not even while it is replaced.
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// What counts now. Whoever asks twice may be given two: what belongs together is asked
    /// for once, and kept.
    pub fn current(&self) -> Arc<T> {
        self.0.load_full()
    }
    /// The same for a look that is over when `look` returns.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.load())
    }

    /// Puts another in its place, for all who ask from now on.
    pub fn replace(&self, next: T) {
        self.0.store(Arc::new(next));
    }
}

impl<T> From<T> for Live<T> {
    fn from(first: T) -> Self {
        Self::from(Arc::new(first))
    }
}

impl<T> From<Arc<T>> for Live<T> {
    fn from(first: Arc<T>) -> Self {
        Self(Arc::new(ArcSwap::new(first)))
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.0.load()).finish()
    }
}
