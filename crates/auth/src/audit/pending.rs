//! A decision that is still to be made.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Extensions, Method, Request, StatusCode};

use super::{Auditors, Basis, Decision, Outcome, Place, Ruling, event};
use crate::authz::Permit;
use crate::authz::peek::Peeked;
use crate::guard::peer::Peer;
use crate::shown;
use crate::{Identity, Rejection, TraceId};

/// A decision that is still to be made about one request. It travels in the request's
/// extensions; clones are the same.
///
/// When the last clone goes away before anything was decided, that is a decision too: what the
/// layers let through was allowed, and a known caller that is gone before was refused.
#[derive(Clone)]
pub struct Pending(Arc<Open>);

struct Open {
    auditors: Auditors,
    trace: TraceId,
    peer: Option<IpAddr>,
    endpoint: String,
    http_method: Method,
    found: Mutex<Found>,
}

/// What the layers have found out so far.
#[derive(Default)]
struct Found {
    scheme: Option<&'static str>,
    identity: Option<Arc<Identity>>,
    /// Until there is room for what will be decided, nothing is.
    waits: bool,
    places: Vec<Option<Box<dyn Place>>>,
    peeked: Option<Peeked>,
    /// The layers let it through.
    permit: Option<Permit>,
    decided: bool,
}

impl Pending {
    /// About this request, told to these auditors.
    pub fn new<B>(auditors: Auditors, request: &mut Request<B>) -> Self {
        Self(Arc::new(Open {
            auditors,
            endpoint: shown::first_segment(request.uri().path()),
            http_method: request.method().clone(),
            trace: TraceId::of(request.extensions_mut()),
            peer: Peer::of(request.extensions()),
            found: Mutex::default(),
        }))
    }

    /// That of this request, if there is an [`Audit`](super::Audit) around the layers.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Whether what is decided can be taken down.
    ///
    /// # Errors
    /// What an [`Auditor`](super::Auditor) says that cannot.
    pub fn ready(&self) -> Result<(), Rejection> {
        self.0.auditors.ready()
    }

    /// It is known who calls. Waits until there is room for whatever will be decided. Who gives
    /// up meanwhile is known all the same.
    ///
    /// # Errors
    /// What an [`Auditor`](super::Auditor) says that will not have room.
    pub async fn known(&self, identity: &Arc<Identity>) -> Result<(), Rejection> {
        {
            let mut found = self.0.lock();
            found.identity = Some(Arc::clone(identity));
            found.waits = true;
        }
        let places = self.0.auditors.places().await;
        let mut found = self.0.lock();
        found.waits = false;
        found.places = places?;
        Ok(())
    }

    /// Whether it is waited for room for what will be decided: nothing has been done yet.
    pub fn waits(&self) -> bool {
        self.0.lock().waits
    }

    /// Says what was decided. Whether it counts: it does if nothing was before.
    pub fn decide(&self, ruling: Ruling<'_>) -> bool {
        self.0.decide(&mut self.0.lock(), ruling)
    }

    /// Shows what was found out so far, as if it had been refused for it.
    pub fn so_far<T>(&self, see: impl FnOnce(&Decision<'_>) -> T) -> T {
        let found = self.0.lock();
        let (peeked, identity) = (found.peeked.as_ref(), found.identity.as_deref());
        see(&self.0.describe(found.scheme, peeked, identity, Outcome::Refused))
    }

    pub(crate) fn judged_by(&self, scheme: &'static str) {
        self.0.lock().scheme = Some(scheme);
    }

    pub(crate) fn asks(&self, peeked: &Peeked) {
        self.0.lock().peeked = Some(peeked.clone());
    }

    pub(super) fn passed(&self, permit: &Permit) {
        self.0.lock().permit = Some(permit.clone());
    }

    /// The head of the answer is there. Of a `tools/call` that is answered in a stream, the
    /// handler may still have to decide.
    pub(super) fn answered(&self, status: StatusCode) {
        let mut found = self.0.lock();
        let is_call = found.peeked.as_ref().and_then(Peeked::called_tool).is_some();
        let failed = status.is_client_error() || status.is_server_error();
        if found.decided || found.identity.is_none() || (is_call && !failed) {
            return;
        }
        let ruling = match (failed, &found.permit) {
            (false, _) => Ruling::allowed(Basis::Known),
            (true, None) => Ruling::refused("no_route", "there is nothing at this path"),
            (true, Some(_)) => Ruling::refused("mcp", "the MCP service refused what it read"),
        };
        let status = failed.then_some(status);
        self.0.decide(&mut found, Ruling { status, ..ruling });
    }
}

impl Open {
    /// A panic elsewhere leaves what was found whole: each change to it is one assignment.
    fn lock(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe<'a>(
        &'a self,
        scheme: Option<&'static str>,
        peeked: Option<&'a Peeked>,
        identity: Option<&'a Identity>,
        outcome: Outcome,
    ) -> Decision<'a> {
        let mut decision = Decision::new(outcome);
        decision.trace = Some(self.trace);
        decision.peer = self.peer;
        decision.endpoint = Some(&self.endpoint);
        decision.scheme = scheme;
        decision.method = Some(shown::http_method(&self.http_method));
        if let Some(peeked) = peeked {
            decision.asks(peeked);
        }
        if let Some(identity) = identity {
            decision.about(identity);
        }
        decision
    }

    fn decide(&self, found: &mut Found, ruling: Ruling<'_>) -> bool {
        let (peeked, identity) = (found.peeked.as_ref(), found.identity.as_deref());
        let mut decision = self.describe(found.scheme, peeked, identity, ruling.outcome);
        decision.follow(ruling);
        event::write(&decision);
        let counts = !std::mem::replace(&mut found.decided, true);
        if counts {
            self.auditors.decided(&decision, std::mem::take(&mut found.places));
        }
        counts
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let found = self.found.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut found = std::mem::take(found);
        if found.decided || found.identity.is_none() {
            return;
        }
        let permit = found.permit.take();
        let tool = found.peeked.as_ref().and_then(Peeked::called_tool).map(str::to_owned);
        let ruling = match (&permit, &tool) {
            (None, _) => Ruling::refused("hung_up", "the caller was gone before it was judged"),
            (Some(permit), Some(tool)) => match permit.basis(tool) {
                Some(basis) => Ruling { tool: Some(tool), ..Ruling::allowed(basis) },
                None => Ruling::refused("unknown_tool", "there is no such tool"),
            },
            (Some(_), None) => Ruling::allowed(Basis::Known),
        };
        self.decide(&mut found, ruling);
    }
}
