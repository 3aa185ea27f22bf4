//! The names, their units and what they mean: once, and here.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Counter, by `decision`, `scheme` and `reason`.
pub const DECISIONS: &str = "mcp_auth_decisions_total";
/// Counter, by `endpoint`, `decision` and `reason`.
pub const TOKENS: &str = "mcp_auth_token_requests_total";
/// Histogram of seconds, by `layer`.
pub const LAYER_DURATION: &str = "mcp_auth_layer_duration_seconds";
/// Histogram of seconds, by `endpoint` and `status`.
pub const REQUEST_DURATION: &str = "mcp_auth_request_duration_seconds";
/// Gauge.
pub const SESSIONS_OPEN: &str = "mcp_auth_sessions_open";
/// Counter, by `who`.
pub const SLOWED_DOWN: &str = "mcp_auth_slowed_down_total";
/// Gauge, by `who`.
pub const LIMITER_KEYS: &str = "mcp_auth_limiter_keys";
/// Gauge: 1 or 0.
pub const STORE_READABLE: &str = "mcp_auth_store_readable";
/// Gauge of seconds.
pub const STORE_AGE: &str = "mcp_auth_store_snapshot_age_seconds";
/// Gauge, by `kind`.
pub const STORE_ROWS: &str = "mcp_auth_store_rows";
/// Counter.
pub const STORE_FAILURES: &str = "mcp_auth_store_reload_failures_total";
/// Gauge.
pub const REMEMBERED: &str = "mcp_auth_remembered_tokens";
/// Counter, by `result`.
pub const REMEMBERED_LOOKUPS: &str = "mcp_auth_remembered_token_lookups_total";
/// Gauge, by `listener`.
pub const CONNECTIONS_OPEN: &str = "mcp_auth_connections_open";
/// Counter, by `why`.
pub const CONNECTIONS_REFUSED: &str = "mcp_auth_connections_refused_total";
/// Gauge of seconds since 1970, by `what`.
pub const EXPIRY: &str = "mcp_auth_expiry_timestamp_seconds";
/// Gauge, by `more_than`.
pub const MANY_ADDRESSES: &str = "mcp_auth_credentials_from_many_addresses";
/// Gauge: 1 or 0.
pub const AUDIT_READY: &str = "mcp_auth_audit_ready";
/// Counter.
pub const AUDIT_LOST: &str = "mcp_auth_audit_lost_total";

/// A token that was verified before.
pub const KNOWN: &str = "known";
/// A token whose signature had to be looked at.
pub const NEW: &str = "new";
/// A caller who asked more often than its limit lets it.
pub const WHO_CALLER: &str = "caller";
/// An address of which more credentials failed than may.
pub const WHO_ADDRESS: &str = "address";
/// The server has as many connections as it may.
pub const WHY_FULL: &str = "full";
/// One address has as many connections as it may.
pub const WHY_ADDRESS: &str = "address";

/// Upper ends of the buckets of [`LAYER_DURATION`]: from a look-up in memory to a slow tool.
pub const LAYER_BUCKETS: [f64; 12] =
    [1e-6, 5e-6, 2.5e-5, 1e-4, 2.5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 0.5, 2.5, 10.0];
/// Upper ends of the buckets of [`REQUEST_DURATION`].
pub const REQUEST_BUCKETS: [f64; 12] =
    [2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 2.5, 10.0, 60.0];

pub(super) fn describe() {
    describe_counter!(
        DECISIONS,
        "Decisions about requests: one each. reason is the check that refused, or what allowed."
    );
    describe_counter!(TOKENS, "Requests for tokens, and to take them back.");
    describe_histogram!(
        LAYER_DURATION,
        Unit::Seconds,
        "What one layer took for itself; peek waits for the body, handler is all behind."
    );
    describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "From the head of a request to the head of its answer."
    );
    describe_gauge!(SESSIONS_OPEN, "Sessions of older clients.");
    describe_counter!(
        SLOWED_DOWN,
        "Requests of callers beyond --rate-limit, and failures of addresses beyond --failure-limit."
    );
    describe_gauge!(LIMITER_KEYS, "Callers and addresses of which the limits keep count.");
    describe_gauge!(REMEMBERED, "Tokens whose signatures need not be looked at again.");
    describe_counter!(
        REMEMBERED_LOOKUPS,
        "Tokens that were looked for among those: known, or new, whatever is wrong with them."
    );
    describe_gauge!(STORE_READABLE, "Whether credentials can be judged by the store.");
    describe_gauge!(
        STORE_AGE,
        Unit::Seconds,
        "Since when the store was last known to be what its file says."
    );
    describe_gauge!(STORE_ROWS, "Keys, clients and revoked tokens that are in memory.");
    describe_counter!(STORE_FAILURES, "Looks at the store's file that failed, ten a second.");
    describe_gauge!(CONNECTIONS_OPEN, "Connections that are open.");
    describe_counter!(CONNECTIONS_REFUSED, "Connections that were closed for want of room.");
    describe_gauge!(
        EXPIRY,
        Unit::Seconds,
        "When the first of them ends that has not: TLS certificate, API key."
    );
    describe_gauge!(
        MANY_ADDRESSES,
        "Credentials that were used from more addresses than that within ten minutes."
    );
    describe_gauge!(AUDIT_READY, "Whether every decision can be taken down.");
    describe_counter!(AUDIT_LOST, "Decisions that nobody took down.");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// All words that begin as the names do.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        words.filter(|word| word.starts_with("mcp_auth_")).collect()
    }

    #[test]
    fn the_page_has_every_name_and_no_other() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
        let read = |name: &str| std::fs::read_to_string(format!("{docs}{name}")).unwrap();
        let ours = names(include_str!("names.rs"));
        let (page, rules) = (read("alerts.md"), read("alerts.yml"));
        let written = |name: &&str| !name.ends_with("auth_");
        assert_eq!(
            names(&page).into_iter().collect::<Vec<_>>(),
            ours.into_iter().filter(written).collect::<Vec<_>>()
        );
        assert!(names(&rules).is_subset(&names(&page)));
    }
}
