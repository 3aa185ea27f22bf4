//! One event per decision, to the tracing target `audit`.
//!
//! Refusals are written at level INFO, passes at DEBUG. Neither holds a credential or
//! an argument: a credential is named by its id.

use http::Extensions;
use tracing::Level;

use crate::guard::peer::Peer;
use crate::{Identity, Rejection, TraceId};

const TARGET: &str = "audit";

/// A `tools/call` that may go on.
pub(crate) fn allowed(identity: &Identity, tool: &str, trace: TraceId) {
    tracing::debug!(
        target: TARGET,
        decision = "allowed",
        trace_id = %trace,
        scheme = identity.scheme,
        issuer = identity.issuer,
        user = identity.user,
        credential = identity.credential,
        tool = %tool.escape_debug(),
    );
}

/// A request that goes no further, with the check that failed. What is the server's own
/// fault is an ERROR.
pub(crate) fn refused(rejection: &Rejection, trace: TraceId, extensions: &Extensions) {
    let identity = Identity::of(extensions);
    let peer = Peer::of(extensions).map(tracing::field::display);
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                decision = "refused",
                status = rejection.status().as_u16(),
                reason = rejection.reason(),
                trace_id = %trace,
                peer,
                scheme = identity.map(|caller| caller.scheme),
                issuer = identity.map(|caller| caller.issuer.as_str()),
                user = identity.map(|caller| caller.user.as_str()),
                credential = identity.map(|caller| caller.credential.as_str()),
            )
        };
    }
    if rejection.status().is_server_error() {
        event!(Level::ERROR);
    } else {
        event!(Level::INFO);
    }
}
