//! How often anyone may ask.
//!
//! - [`Limit`] counts the requests of each known caller, after authentication, so that nobody
//!   can use up another's share. What a caller has left stands in every answer:
//!
//! ```text
//! RateLimit-Policy: "caller";q=600;w=60      so many requests in so many seconds
//! RateLimit: "caller";r=99;t=1               so many are left now; all of them in so many seconds
//! Retry-After: 1                             with a 429
//! ```
//!
//! - [`Failures`] counts the credentials that were refused, by the address they came from.
//!   It is asked after a credential has failed, so that it never slows down a good one.
//! - [`RateLimit`] is how both are configured.
//!
//! The arithmetic is governor's; the memory is bounded whatever the number of addresses.

mod buckets;
mod failures;
mod rate;

use std::fmt::Write;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response};

use super::gate::{Check, Gate};
use crate::identity::Caller;
use crate::metrics::{self, LIMITER_KEYS, WHO_CALLER};
use crate::{Challenge, Identity, Rejection};
use buckets::Buckets;

pub use failures::Failures;
pub(crate) use failures::site;
pub use rate::{Rate, RateError, RateLimit};

/// What a caller has left (draft-ietf-httpapi-ratelimit-headers).
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What a caller may have at most.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Lets each caller through so often and no oftener. It comes after
/// [`Authenticate`](crate::authn::layer::Authenticate).
#[derive(Debug)]
pub struct Limit(Option<Counted>);

#[derive(Debug)]
struct Counted {
    buckets: Arc<Buckets<Caller>>,
    policy: HeaderValue,
}

impl Limit {
    /// How often a caller may ask unless something else is configured.
    pub const DEFAULT: &str = "600/min,100";

    /// A layer that counts all requests through it and its clones together.
    pub fn layer(limit: RateLimit) -> Gate<Self> {
        let counted = match limit {
            RateLimit::Off => None,
            RateLimit::At(rate) => Some(Counted::new(rate)),
        };
        Gate::new(Self(counted), Challenge::default())
    }
}

impl Limit {
    /// Counts a request of this caller. What it has left is for [`Check::answered`].
    ///
    /// The layer does it for every request that passes; an endpoint that knows its callers in
    /// another way, such as one that issues tokens, asks here.
    ///
    /// # Errors
    /// The 429 to be answered: the caller has nothing left.
    pub fn take(&self, caller: &Arc<Identity>) -> Result<Option<HeaderValue>, Rejection> {
        let Some(counted) = &self.0 else { return Ok(None) };
        match counted.buckets.take(&Caller::of(caller)) {
            Ok(left) => Ok(Some(counted.left(left))),
            Err(wait) => {
                metrics::slowed_down(WHO_CALLER);
                Err(Rejection::rate_limited(wait, counted.policy.clone()))
            }
        }
    }
}

impl Check for Limit {
    /// The value of [`RATE_LIMIT`].
    type Pass = Option<HeaderValue>;

    const LAYER: Option<&'static str> = Some("limit");

    fn check<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Rejection> {
        let Some(identity) = Identity::of(request.extensions()) else {
            return Err(Rejection::unprotected("a rate limit without authentication before it"));
        };
        self.take(identity)
    }

    fn answered<R>(&self, left: Self::Pass, answer: &mut Response<R>) {
        if let (Some(left), Some(counted)) = (left, &self.0) {
            answer.headers_mut().insert(RATE_LIMIT, left);
            answer.headers_mut().insert(RATE_LIMIT_POLICY, counted.policy.clone());
        }
    }
}

impl Counted {
    fn new(rate: Rate) -> Self {
        // Rounded up: nobody is promised more than there is.
        let window = rate.period().as_secs_f64().ceil();
        let policy = format!("\"caller\";q={};w={window}", rate.count());
        let policy = HeaderValue::from_str(&policy).expect("numbers are a header value");
        let buckets = Arc::new(Buckets::new(rate));
        metrics::watch(&buckets, |buckets, gauges| {
            gauges.add(LIMITER_KEYS, Some(("who", WHO_CALLER)), buckets.keys() as f64);
        });
        Self { buckets, policy }
    }

    fn left(&self, left: u32) -> HeaderValue {
        let mut text = String::with_capacity(32);
        let full = self.buckets.rate().until_full(left).as_secs_f64().ceil();
        // Writing to a String cannot fail.
        let _ = write!(text, "\"caller\";r={left};t={full}");
        HeaderValue::from_str(&text).expect("numbers are a header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(user: &str) -> Request<()> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Arc::new(Identity::new("apikey", "keys", user)));
        request
    }

    fn limit(text: &str) -> Limit {
        match text.parse().unwrap() {
            RateLimit::Off => Limit(None),
            RateLimit::At(rate) => Limit(Some(Counted::new(rate))),
        }
    }

    #[test]
    fn a_caller_runs_out_and_another_does_not() {
        let limit = limit("60/h,2");
        for left in ["\"caller\";r=1;t=60", "\"caller\";r=0;t=120"] {
            let pass = limit.check(&mut request("bob")).unwrap();
            let mut answer = Response::new(());
            limit.answered(pass, &mut answer);
            assert_eq!(answer.headers()[RATE_LIMIT], left);
            assert_eq!(answer.headers()[RATE_LIMIT_POLICY], "\"caller\";q=60;w=3600");
        }
        let refused = limit.check(&mut request("bob")).unwrap_err();
        let answer = refused.answer(&Challenge::default(), &mut http::Extensions::new());
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["retry-after"], "60");
        assert_eq!(answer.headers()[RATE_LIMIT], "\"caller\";r=0;t=60");
        assert!(limit.check(&mut request("alice")).is_ok());
    }

    #[test]
    fn it_can_be_off_and_never_stands_alone() {
        let off = limit("off");
        for _ in 0..1000 {
            assert_eq!(off.check(&mut request("bob")).unwrap(), None);
        }
        assert_eq!(off.check(&mut Request::new(())).unwrap_err().status(), 500);
    }
}
