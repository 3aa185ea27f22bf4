//! What can be counted and timed, under names for Prometheus.
//!
//! All of it goes to the recorder of the `metrics` crate, and none of it happens before
//! [`turn_on`] was called, which a program does that has installed one:
//!
//! - [`Decisions`] is an [`Auditor`](crate::audit::Auditor): it counts what is decided.
//! - The layers say how long they took, and the limits whom they slowed down.
//! - [`sample()`] asks whatever lives for what it holds: call it before values are shown.
//!
//! Nothing that names a caller is in a label: no user, client, credential, address, tool or
//! argument. Every value of every label is one of a few words that are written here in the source.

mod addresses;
mod decisions;
mod names;
mod sample;
mod timer;

use std::sync::atomic::{AtomicBool, Ordering};

pub use decisions::Decisions;
pub use names::*;
pub use sample::{Gauges, sample, watch};
pub use timer::Timer;

static ON: AtomicBool = AtomicBool::new(false);

/// Describes all metrics to the recorder of this process, and records from now on.
///
/// It comes after the recorder was installed, and before layers are made: these say which
/// numbers there will be, so that the first refusal is seen as a change from zero.
pub fn turn_on() {
    names::describe();
    ON.store(true, Ordering::Relaxed);
    for who in [WHO_ADDRESS, WHO_CALLER] {
        ::metrics::counter!(SLOWED_DOWN, "who" => who).increment(0);
    }
    for why in [WHY_ADDRESS, WHY_FULL] {
        ::metrics::counter!(CONNECTIONS_REFUSED, "why" => why).increment(0);
    }
    ::metrics::counter!(STORE_FAILURES).increment(0);
    ::metrics::counter!(AUDIT_LOST).increment(0);
    decisions::expect_any();
}

/// Whether anybody wants to know.
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// A whole request was answered. `endpoint` is the route as it was written in the source.
pub fn answered(timer: Timer, endpoint: &str, status: http::StatusCode) {
    if let Some(took) = timer.took() {
        let status = status.as_str().to_owned();
        ::metrics::histogram!(REQUEST_DURATION, "endpoint" => endpoint.to_owned(), "status" => status)
            .record(took);
    }
}

/// A connection was closed at once, for want of room.
pub fn connection_refused(why: &'static str) {
    if is_on() {
        ::metrics::counter!(CONNECTIONS_REFUSED, "why" => why).increment(1);
    }
}

/// So many decisions were lost that an auditor should have taken down.
pub fn audit_lost(decisions: u64) {
    if is_on() {
        ::metrics::counter!(AUDIT_LOST).increment(decisions);
    }
}

/// A look at the store's file failed.
pub fn store_failed() {
    if is_on() {
        ::metrics::counter!(STORE_FAILURES).increment(1);
    }
}

/// A request got a 429, or a slower answer than a 401.
pub(crate) fn slowed_down(who: &'static str) {
    if is_on() {
        ::metrics::counter!(SLOWED_DOWN, "who" => who).increment(1);
    }
}

/// A token was looked for among those that are remembered.
pub(crate) fn remembered(result: &'static str) {
    if is_on() {
        ::metrics::counter!(REMEMBERED_LOOKUPS, "result" => result).increment(1);
    }
}

/// Tokens will be looked for.
pub(crate) fn expect_remembered() {
    if is_on() {
        for result in [KNOWN, NEW] {
            ::metrics::counter!(REMEMBERED_LOOKUPS, "result" => result).increment(0);
        }
    }
}

/// There will be credentials of this scheme.
pub(crate) fn expect(scheme: &'static str) {
    if is_on() {
        decisions::expect(scheme);
    }
}
