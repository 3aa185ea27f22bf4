//! One bucket a key, and not more of them than fit.

use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use quick_cache::sync::Cache;

use super::Rate;

/// Most keys that are remembered. A stranger can bring any number of addresses; the ones that
/// come once are forgotten first.
pub(super) const MOST: usize = 65_536;

/// Counts by key.
pub(super) struct Buckets<K: Clone + Eq + Hash> {
    limiter: RateLimiter<K, Recent<K>, DefaultClock, StateInformationMiddleware>,
    recent: Recent<K>,
    rate: Rate,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        let recent = Recent(Arc::new(Cache::new(MOST)));
        let limiter = RateLimiter::new(quota(rate), recent.clone(), DefaultClock::default());
        Self { limiter, recent, rate }
    }

    /// Takes one. Answers how many are left, or after which time there is one again.
    pub(super) fn take(&self, key: &K) -> Result<u32, Duration> {
        match self.limiter.check_key(key) {
            Ok(snapshot) => Ok(snapshot.remaining_burst_capacity()),
            Err(not_until) => Err(not_until.wait_time_from(self.limiter.clock().now())),
        }
    }

    /// How many keys are remembered.
    pub(super) fn keys(&self) -> usize {
        self.recent.0.len()
    }

    pub(super) fn rate(&self) -> &Rate {
        &self.rate
    }
}

pub(super) fn quota(rate: Rate) -> Quota {
    let quota = Quota::with_period(rate.interval()).expect("a rate's interval is not zero");
    quota.allow_burst(rate.burst())
}

impl<K: Clone + Eq + Hash> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// The buckets of the keys that came last, and of those that come often. Clones are the same.
#[derive(Clone)]
struct Recent<K>(Arc<Cache<K, Arc<InMemoryState>>>);

impl<K: Clone + Eq + Hash> StateStore for Recent<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Ok(bucket) = self.0.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
        bucket.measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_keys_take_no_more_room_than_some() {
        let buckets = Buckets::new("1/h".parse().unwrap());
        for key in 0..1_000_000_u32 {
            assert_eq!(buckets.take(&key), Ok(0));
        }
        assert!(buckets.keys() <= MOST);
    }
}
