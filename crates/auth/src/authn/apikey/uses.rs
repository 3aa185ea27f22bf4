//! How often and when a key was used, counted where nobody waits.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;

/// The uses of one key since they were taken last. A use is a key that was verified, whatever its
/// caller may do with it.
#[derive(Debug, Default)]
pub struct Uses {
    count: AtomicU64,
    /// Seconds since 1970.
    last: AtomicI64,
}

impl Uses {
    /// Counts one. Whether it is the first since they were taken.
    pub(super) fn note(&self, now: Timestamp) -> bool {
        self.last.fetch_max(now.as_second(), Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// How many there were since they were taken last, and when the last one was, to the second.
    pub fn take(&self) -> (u64, Timestamp) {
        let count = self.count.swap(0, Ordering::Relaxed);
        let last = Timestamp::from_second(self.last.load(Ordering::Relaxed));
        (count, last.unwrap_or_default())
    }

    /// Puts back what was taken and could not be kept. Whether it was not used
    /// meanwhile.
    pub fn put_back(&self, count: u64) -> bool {
        self.count.fetch_add(count, Ordering::Relaxed) == 0
    }
}
