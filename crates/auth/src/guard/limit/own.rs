//! Rates that single callers were given, which are less than everybody's.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use quick_cache::sync::Cache;

use super::Rate;
use super::buckets::{MOST, quota};
use crate::identity::Caller;

/// A bucket for each caller and rate: a key that is given another begins anew with that.
pub(super) struct OwnRates(Cache<(Caller, Rate), Arc<Bucket>>);

type Bucket = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

impl OwnRates {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// Takes one. Answers how many are left, or after which time there is one again.
    pub(super) fn take(&self, caller: Caller, rate: Rate) -> Result<u32, Duration> {
        let new =
            || Ok::<_, Infallible>(Arc::new(RateLimiter::direct(quota(rate)).with_middleware()));
        let Ok(bucket) = self.0.get_or_insert_with(&(caller, rate), new);
        match bucket.check() {
            Ok(snapshot) => Ok(snapshot.remaining_burst_capacity()),
            Err(not_until) => Err(not_until.wait_time_from(bucket.clock().now())),
        }
    }
}

impl fmt::Debug for OwnRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnRates").field("callers", &self.0.len()).finish_non_exhaustive()
    }
}
