//! Opens the decision of each request, and closes it with the answer.

use http::{Request, Response};

use super::{Auditors, Pending};
use crate::guard::gate::{Check, Gate};
use crate::metrics::{self, AUDIT_READY};
use crate::{Challenge, Rejection};

/// Tells auditors what is decided about every request. It stands outside all other layers, and
/// inside whatever finds out the [`Peer`](crate::guard::peer::Peer).
#[derive(Debug)]
pub struct Audit(Auditors);

impl Audit {
    /// The layer.
    pub fn layer(auditors: Auditors) -> Gate<Self> {
        metrics::watch(&auditors.0, |auditors, gauges| {
            let ready = auditors.iter().all(|auditor| auditor.ready().is_ok());
            gauges.least(AUDIT_READY, None, if ready { 1.0 } else { 0.0 });
        });
        Gate::new(Self(auditors), Challenge::default())
    }
}

impl Check for Audit {
    type Pass = Pending;

    fn check<B>(&self, request: &mut Request<B>) -> Result<Pending, Rejection> {
        let pending = Pending::new(self.0.clone(), request);
        request.extensions_mut().insert(pending.clone());
        Ok(pending)
    }

    fn answered<R>(&self, pending: Pending, answer: &mut Response<R>) {
        pending.answered(answer.status());
    }
}
