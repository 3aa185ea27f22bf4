//! Warns of the end of a credential while there is time to renew it.
//!
//! ```text
//! Credential-Expires: 2026-12-01T10:00:00Z      when it ends (RFC 3339)
//! Credential-Renew: Fetch a token with …        how to come by the next one
//! ```
//!
//! Every answer to the credential has them, whatever it says. Who answers may say the same in a
//! place of its own: [`Expiring`] is in the extensions of the request.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use crate::Identity;

/// When the credential of the request ends.
pub const CREDENTIAL_EXPIRES: HeaderName = HeaderName::from_static("credential-expires");
/// How to come by the next one.
pub const CREDENTIAL_RENEW: HeaderName = HeaderName::from_static("credential-renew");

/// A credential warns for no more than this part of its life: a token of an hour for six minutes.
const PART: i32 = 10;

/// From when on credentials are warned of, and what is said.
#[derive(Clone, Debug)]
pub struct ExpiryWarning {
    within: Duration,
    how_to_renew: Cow<'static, str>,
}

/// The credential of a request ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// When it does.
    pub ends: Timestamp,
    /// How to come by the next one, for people.
    pub how_to_renew: Cow<'static, str>,
}

impl ExpiryWarning {
    /// Warns so long before the end of a credential, but for the last tenth of its life at most if
    /// it is known when it was issued. Zero: never. `how_to_renew` is one line for people.
    pub fn new(within: Duration, how_to_renew: impl Into<Cow<'static, str>>) -> Self {
        Self { within, how_to_renew: how_to_renew.into() }
    }

    /// What there is to say of this caller's credential.
    pub(super) fn of(&self, identity: &Identity, now: Timestamp) -> Option<Expiring> {
        let ends = identity.expires?;
        let within = SignedDuration::try_from(self.within).unwrap_or(SignedDuration::MAX);
        let life = identity.issued.map(|issued| ends.duration_since(issued) / PART);
        let soon = life.map_or(within, |life| life.min(within));
        let left = ends.duration_since(now);
        (left < soon).then(|| Expiring { ends, how_to_renew: self.how_to_renew.clone() })
    }
}

impl Expiring {
    /// Says it in the head of an answer.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let told = [
            (CREDENTIAL_EXPIRES, HeaderValue::from_str(&self.ends.to_string())),
            (CREDENTIAL_RENEW, HeaderValue::from_str(&self.how_to_renew)),
        ];
        headers.extend(told.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_in_the_last_tenth_of_a_life_and_not_for_longer_than_was_set() {
        let now: Timestamp = "2026-07-28T12:00:00Z".parse().unwrap();
        let warned = |within: u64, issued: Option<i64>, left: i64| {
            let identity = Identity {
                issued: issued.map(|ago| now - SignedDuration::from_secs(ago)),
                expires: Some(now + SignedDuration::from_secs(left)),
                ..Identity::new("jwt", "issuer", "bob")
            };
            ExpiryWarning::new(Duration::from_secs(within), "how").of(&identity, now).is_some()
        };
        let (hour, week, day) = (3600, 7 * 86_400, 86_400_i64);
        assert!(!warned(week, Some(hour - 360), 360), "an hour's token, ten percent left");
        assert!(warned(week, Some(hour - 359), 359));
        assert!(!warned(week, Some(300 * day), 8 * day));
        assert!(warned(week, Some(300 * day), 6 * day));
        assert!(warned(week, None, 6 * day), "of which nobody knows how old it is");
        assert!(!warned(0, Some(hour), 1), "it was turned off");
        let endless = Identity::new("apikey", "keys", "bob");
        assert_eq!(ExpiryWarning::new(Duration::MAX, "how").of(&endless, now), None);
    }
}
