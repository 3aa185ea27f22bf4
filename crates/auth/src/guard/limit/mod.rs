//! How often anyone may ask.
//!
//! - [`Limit`] counts the requests of each known caller, after authentication, so that nobody
//!   can use up another's share. A credential may have a rate of its own, which takes nothing from
//!   the limit of all. What a caller has left, of the one that leaves less, stands in every answer:
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
mod own;
mod rate;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

use super::gate::{Check, Gate};
use crate::identity::Caller;
use crate::metrics::{self, LIMITER_KEYS, WHO_CALLER};
use crate::{Challenge, Identity, Rejection};
use buckets::Buckets;
use own::OwnRates;

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
pub struct Limit {
    all: Option<Counted>,
    own: OwnRates,
}

/// What a caller has left, as an answer says it.
#[derive(Clone, Debug)]
pub struct Left {
    count: u32,
    left: HeaderValue,
    policy: HeaderValue,
}

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
        Gate::new(Self::of(limit), Challenge::default())
    }

    /// Counts a request of this caller. What it has left is for [`Left::tell`].
    ///
    /// The layer does it for every request that passes; an endpoint that knows its callers in
    /// another way, such as one that issues tokens, asks here.
    ///
    /// # Errors
    /// The 429 to be answered: the caller has nothing left.
    pub fn take(&self, caller: &Arc<Identity>) -> Result<Option<Left>, Rejection> {
        let own = caller.rate.map(|rate| {
            let taken = self.own.take(Caller::of(caller), rate);
            judged(taken, &rate, || policy(&rate))
        });
        let own = own.transpose()?;
        let all = self.all.as_ref().map(|all| {
            let taken = all.buckets.take(&Caller::of(caller));
            judged(taken, all.buckets.rate(), || all.policy.clone())
        });
        Ok(own.into_iter().chain(all.transpose()?).min_by_key(|left| left.count))
    }

    fn of(limit: RateLimit) -> Self {
        let all = match limit {
            RateLimit::Off => None,
            RateLimit::At(rate) => Some(Counted::new(rate)),
        };
        Self { all, own: OwnRates::new() }
    }
}

impl Left {
    /// Says it in the head of an answer.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.insert(RATE_LIMIT, self.left);
        headers.insert(RATE_LIMIT_POLICY, self.policy);
    }
}

impl Check for Limit {
    type Pass = Option<Left>;

    const LAYER: Option<&'static str> = Some("limit");

    fn check<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Rejection> {
        let Some(identity) = Identity::of(request.extensions()) else {
            return Err(Rejection::unprotected("a rate limit without authentication before it"));
        };
        self.take(identity)
    }

    fn answered<R>(&self, left: Self::Pass, answer: &mut Response<R>) {
        if let Some(left) = left {
            left.tell(answer.headers_mut());
        }
    }
}

impl Counted {
    fn new(rate: Rate) -> Self {
        let buckets = Arc::new(Buckets::new(rate));
        metrics::watch(&buckets, |buckets, gauges| {
            gauges.add(LIMITER_KEYS, Some(("who", WHO_CALLER)), buckets.keys() as f64);
        });
        Self { buckets, policy: policy(&rate) }
    }
}

fn judged(
    taken: Result<u32, Duration>,
    rate: &Rate,
    policy: impl Fn() -> HeaderValue,
) -> Result<Left, Rejection> {
    match taken {
        Ok(count) => {
            let mut text = String::with_capacity(32);
            let full = rate.until_full(count).as_secs_f64().ceil();
            // Writing to a String cannot fail.
            let _ = write!(text, "\"caller\";r={count};t={full}");
            let left = HeaderValue::from_str(&text).expect("numbers are a header value");
            Ok(Left { count, left, policy: policy() })
        }
        Err(wait) => {
            metrics::slowed_down(WHO_CALLER);
            Err(Rejection::rate_limited(wait, policy()))
        }
    }
}

/// Rounded up: nobody is promised more than there is.
fn policy(rate: &Rate) -> HeaderValue {
    let window = rate.period().as_secs_f64().ceil();
    let policy = format!("\"caller\";q={};w={window}", rate.count());
    HeaderValue::from_str(&policy).expect("numbers are a header value")
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
        Limit::of(text.parse().unwrap())
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
            assert!(off.check(&mut request("bob")).unwrap().is_none());
        }
        assert_eq!(off.check(&mut Request::new(())).unwrap_err().status(), 500);
    }

    #[test]
    fn a_rate_of_ones_own_narrows_and_never_widens() {
        let narrowed = |rate: &str| {
            let identity = Identity {
                rate: Some(rate.parse().unwrap()),
                ..Identity::new("apikey", "keys", "bob")
            };
            let mut request = Request::new(());
            request.extensions_mut().insert(Arc::new(identity));
            request
        };
        let told = |limit: &Limit, mut request: Request<()>| {
            let left = limit.check(&mut request).ok().flatten()?;
            let mut answer = Response::new(());
            left.tell(answer.headers_mut());
            let told = |name| answer.headers()[name].to_str().unwrap().to_owned();
            Some((told(RATE_LIMIT), told(RATE_LIMIT_POLICY)))
        };
        let shown = |left: &str, policy: &str| Some((left.to_owned(), policy.to_owned()));
        for server in ["600/min,100", "off"] {
            let limit = limit(server);
            let own = || told(&limit, narrowed("60/h,2"));
            assert_eq!(own(), shown("\"caller\";r=1;t=60", "\"caller\";q=60;w=3600"));
            assert!(own().is_some() && own().is_none(), "{server}");
            assert!(told(&limit, narrowed("60/h,3")).is_some(), "it was given more");
            // Neither its other keys nor anybody else have less for it.
            assert!(limit.check(&mut request("bob")).is_ok());
        }
        let strict = limit("60/h,1");
        let wide = || told(&strict, narrowed("1000/s"));
        assert_eq!(wide(), shown("\"caller\";r=0;t=60", "\"caller\";q=60;w=3600"));
        assert_eq!(wide(), None);
    }
}
