//! What can be counted about a store.

use std::sync::Arc;

use jiff::Timestamp;
use mcp_auth::metrics::{EXPIRY, Gauges, STORE_AGE, STORE_READABLE, STORE_ROWS};

use crate::latest::Latest;
use crate::snapshot::Snapshot;

/// Lets the gauges be read for as long as the store is open.
pub(crate) fn watch(latest: &Arc<Latest>) {
    mcp_auth::metrics::watch(latest, |latest, gauges| {
        let readable = if latest.get().is_ok() { 1.0 } else { 0.0 };
        gauges.least(STORE_READABLE, None, readable);
        gauges.most(STORE_AGE, None, latest.age().as_secs_f64());
        rows(&latest.last(), gauges);
    });
}

fn rows(snapshot: &Snapshot, gauges: &mut Gauges) {
    let revoked = snapshot.revoked_tokens.as_ref().map_or(0, |revoked| revoked.len());
    for (kind, rows) in [
        ("clients", snapshot.clients.len()),
        ("keys", snapshot.keys.len()),
        ("revoked_tokens", revoked),
    ] {
        gauges.add(STORE_ROWS, Some(("kind", kind)), rows as f64);
    }
    let now = Timestamp::now();
    // Of one that was revoked this is the moment when it was.
    if let Some(first) = snapshot.keys.ends().filter(|end| *end > now).min() {
        gauges.least(EXPIRY, Some(("what", "api_key")), first.as_second() as f64);
    }
}
