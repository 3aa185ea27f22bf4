//! Counts what is decided.

use std::sync::Arc;

use super::addresses::{Addresses, THRESHOLDS};
use super::{DECISIONS, MANY_ADDRESSES, TOKENS, watch};
use crate::audit::{Auditor, Basis, Decision, Outcome};

/// The scheme of requests that were refused before any judged them.
pub(super) const NO_SCHEME: &str = "none";

/// Reasons that an alert may look at. The first of its kind is a change from zero only if the
/// zero was seen; other reasons are there from when they are given first.
const EXPECTED: [&str; 14] = [
    "bad_header",
    "expired_credential",
    "foreign_host",
    "foreign_origin",
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

pub(super) fn expect(scheme: &'static str) {
    let refused = Outcome::Refused.name();
    for reason in EXPECTED {
        ::metrics::counter!(DECISIONS, "decision" => refused, "scheme" => scheme, "reason" => reason)
            .increment(0);
    }
    let known = (Outcome::Allowed.name(), Basis::Known.kind());
    ::metrics::counter!(DECISIONS, "decision" => known.0, "scheme" => scheme, "reason" => known.1)
        .increment(0);
}
