//! Counts what is decided.

use std::sync::Arc;

use super::addresses::{Addresses, THRESHOLDS};
use super::{DECISIONS, MANY_ADDRESSES, TOKENS, watch};
use crate::audit::{Auditor, Basis, Decision, Outcome};

/// The scheme of requests that were refused before any judged them.
const NO_SCHEME: &str = "none";

// What an alert may look at. The first of its kind is a change from zero only if the zero was
// seen; other reasons are there from when they are given first.

/// Reasons of the layers before any scheme, and of those that ask none.
const BEFORE: [&str; 4] = ["bad_header", "foreign_host", "foreign_origin", "unaudited"];

/// Reasons of the layers from authentication on.
const BEHIND: [&str; 11] = [
    "expired_credential",
    "insufficient_scope",
    "invalid_credential",
    "malformed_credential",
    "no_credential",
    "not_granted",
    "rate_limited",
    "revoked_credential",
    "too_many_failures",
    "unaudited",
    "unavailable",
];

/// Counts decisions by scheme and reason, and from how many addresses each credential is used.
#[derive(Debug)]
pub struct Decisions(Arc<Addresses>);

impl Decisions {
    /// Nothing was decided yet.
    pub fn new() -> Self {
        let addresses = Arc::new(Addresses::default());
        watch(&addresses, |addresses, gauges| {
            for ((_, word), many) in THRESHOLDS.iter().zip(addresses.used_from_many()) {
                gauges.add(MANY_ADDRESSES, Some(("more_than", word)), many as f64);
            }
        });
        Self(addresses)
    }
}

impl Default for Decisions {
    fn default() -> Self {
        Self::new()
    }
}

impl Auditor for Decisions {
    fn decided(&self, decision: &Decision<'_>) {
        let reason = decision.basis.kind();
        let what = decision.outcome.name();
        let scheme = decision.scheme.unwrap_or(NO_SCHEME).to_owned();
        ::metrics::counter!(DECISIONS, "decision" => what, "scheme" => scheme, "reason" => reason)
            .increment(1);
        if let Some(endpoint) = token_endpoint(decision.endpoint) {
            ::metrics::counter!(TOKENS, "endpoint" => endpoint, "decision" => what, "reason" => reason)
                .increment(1);
        }
        // A token that was issued was not used yet: its client was.
        let credential = match decision.outcome {
            Outcome::Issued | Outcome::Revoked => decision.client,
            Outcome::Allowed | Outcome::Refused => decision.credential,
        };
        if let (Some(issuer), Some(credential), Some(peer)) =
            (decision.issuer, credential, decision.peer)
        {
            self.0.used((issuer, credential), peer);
        }
    }
}

/// What else a stranger wrote there is no label.
fn token_endpoint(path: Option<&str>) -> Option<&'static str> {
    match path {
        Some("/token") => Some("token"),
        Some("/revoke") => Some("revoke"),
        _ => None,
    }
}

/// There will be decisions before any scheme.
pub(super) fn expect_any() {
    zero(Outcome::Refused, NO_SCHEME, &BEFORE);
}

/// There will be credentials of this scheme.
pub(super) fn expect(scheme: &'static str) {
    zero(Outcome::Refused, scheme, &BEHIND);
    zero(Outcome::Allowed, scheme, &[Basis::Known.kind()]);
}

fn zero(outcome: Outcome, scheme: &'static str, reasons: &[&'static str]) {
    let what = outcome.name();
    for reason in reasons {
        ::metrics::counter!(DECISIONS, "decision" => what, "scheme" => scheme, "reason" => *reason)
            .increment(0);
    }
}
