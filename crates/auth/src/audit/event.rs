//! A decision as an event for the log.

use tracing::Level;

use super::{Decision, Outcome};
use crate::shown::name;

const TARGET: &str = "audit";

/// At the level that it deserves.
pub(super) fn write(decision: &Decision<'_>) {
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                decision = decision.outcome.name(),
                endpoint = decision.endpoint,
                method = decision.method.map(name),
                tool = decision.tool.map(name),
                status = decision.status,
                rule = %decision.basis,
                reason = decision.reason.as_deref(),
                trace_id = decision.trace.map(tracing::field::display),
                peer = decision.peer.map(tracing::field::display),
                scheme = decision.scheme,
                issuer = decision.issuer,
                user = decision.user,
                client = decision.client,
                credential = decision.credential,
            )
        };
    }
    match decision.outcome {
        Outcome::Allowed | Outcome::Issued => event!(Level::DEBUG),
        Outcome::Refused if decision.status.is_some_and(|status| status >= 500) => {
            event!(Level::ERROR);
        }
        Outcome::Refused | Outcome::Revoked => event!(Level::INFO),
    }
}
