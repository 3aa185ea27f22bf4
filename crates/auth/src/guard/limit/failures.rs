//! Credentials that were refused, counted by the address they came from.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::RateLimit;
use super::buckets::Buckets;
use crate::Rejection;
use crate::metrics::{self, LIMITER_KEYS, WHO_ADDRESS};

/// Slows down whoever tries credentials. Clones count together, so that the same guess counts
/// at every door.
///
/// Callers whose credential is good are not asked, even behind the same address.
#[derive(Clone, Debug)]
pub struct Failures(Option<Arc<Buckets<Source>>>);

/// One machine, or one site: an IPv6 host has a whole /64 to send from.
pub(crate) type Source = [u8; 16];

impl Failures {
    /// How many may fail unless something else is configured.
    pub const DEFAULT: &str = "60/min,20";

    /// Lets so many credentials of one address fail.
    pub fn new(limit: RateLimit) -> Self {
        match limit {
            RateLimit::Off => Self(None),
            RateLimit::At(rate) => {
                let buckets = Arc::new(Buckets::new(rate));
                metrics::watch(&buckets, |buckets, gauges| {
                    gauges.add(LIMITER_KEYS, Some(("who", WHO_ADDRESS)), buckets.keys() as f64);
                });
                Self(Some(buckets))
            }
        }
    }

    /// Counts one credential that was refused.
    ///
    /// # Errors
    /// The 429 that is to be answered in place of the refusal. Requests of which no address is
    /// known count together.
    pub fn failed(&self, peer: Option<IpAddr>) -> Result<(), Rejection> {
        let Some(buckets) = &self.0 else { return Ok(()) };
        match buckets.take(&source(peer)) {
            Ok(_) => Ok(()),
            Err(wait) => {
                metrics::slowed_down(WHO_ADDRESS);
                Err(Rejection::too_many_failures(wait))
            }
        }
    }
}

impl Default for Failures {
    fn default() -> Self {
        Self::new(Self::DEFAULT.parse().expect("the default is a rate"))
    }
}

fn source(peer: Option<IpAddr>) -> Source {
    peer.map_or(Ipv6Addr::UNSPECIFIED.octets(), site)
}

/// What counts as the same place.
pub(crate) fn site(peer: IpAddr) -> Source {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            octets
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_runs_out_and_its_neighbour_does_not() {
        let failures = Failures::new("1/h,2".parse().unwrap());
        let fails = |address: &str| failures.failed(address.parse().ok()).is_ok();
        assert!(fails("192.0.2.1") && fails("::ffff:192.0.2.1"));
        let refused = failures.failed("192.0.2.1".parse().ok()).unwrap_err();
        assert_eq!(refused.status(), 429);
        assert!(fails("192.0.2.2"));

        assert!(fails("2001:db8::1") && fails("2001:db8::ffff:1"));
        assert!(!fails("2001:db8::2"), "the same /64");
        assert!(fails("2001:db8:0:1::1"), "another /64");
    }

    #[test]
    fn those_without_an_address_count_together() {
        let failures = Failures::new("1/h".parse().unwrap());
        assert!(failures.failed(None).is_ok());
        assert!(failures.failed(None).is_err());
    }
}
