//! One decision per request: who asked for what, and what was said to it.
//!
//! 1. [`Audit`] is outermost. It puts a [`Pending`] into the request, in which what is found out
//!    about the request is gathered.
//! 2. [`Pending::known`] is called as soon as it is known who calls. It waits for a place with
//!    every [`Auditor`], so that what is decided about a known caller is never lost.
//! 3. [`decided`] makes the [`Decision`] of it, once: at a refusal, in the handler of a
//!    `tools/call`, which has the last word, or else when the answer is there.
//!
//! Each decision is also an event to the tracing target `audit`: refusals at INFO, what is the
//! server's own fault at ERROR, and what may go on at DEBUG. Where there is no [`Audit`], that is
//! all. Neither holds a credential or an argument: a credential is named by its id.

mod decision;
mod event;
mod heads;
mod layer;
mod pending;

use std::pin::Pin;
use std::sync::Arc;

use http::Extensions;

use crate::authz::Permit;
use crate::authz::peek::Peeked;
use crate::guard::peer::Peer;
use crate::{Identity, Rejection, TraceId};

pub use decision::{Basis, Decision, Outcome, Ruling};
pub use heads::{Heads, KeptHeads};
pub use layer::Audit;
pub use pending::Pending;

/// Sees every decision that is made behind an [`Audit`].
///
/// None of its functions may block: they are called while a request is answered.
pub trait Auditor: Send + Sync + 'static {
    /// A decision for which no place was reserved: the caller is not known, was gone before it
    /// had one, or this auditor gives none.
    fn decided(&self, decision: &Decision<'_>);

    /// Asks for a place for one decision about a known caller, which the request waits for.
    /// `None` if nothing has to be waited for: then [`Auditor::decided`] is told.
    fn place(&self) -> Option<Placing> {
        None
    }

    /// Whether decisions can be taken at all. Nothing is decided, and nothing done for anybody,
    /// while one auditor cannot.
    ///
    /// # Errors
    /// A [`Rejection::unaudited`], which says why not.
    fn ready(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

/// Waits for a [`Place`]. If there will be none, it says why.
pub type Placing = Pin<Box<dyn Future<Output = Result<Box<dyn Place>, Rejection>> + Send>>;

/// Room for one decision. Dropped unused, it is given back.
pub trait Place: Send {
    /// The decision it was reserved for.
    fn decided(self: Box<Self>, decision: &Decision<'_>);
}

/// All auditors of a server. Clones are the same.
#[derive(Clone)]
pub struct Auditors(Arc<[Arc<dyn Auditor>]>);

impl Auditors {
    /// Whether all can take decisions.
    ///
    /// # Errors
    /// What the first one says that cannot.
    pub fn ready(&self) -> Result<(), Rejection> {
        self.0.iter().try_for_each(|auditor| auditor.ready())
    }

    /// A place with each that gives places, in their order.
    async fn places(&self) -> Result<Vec<Option<Box<dyn Place>>>, Rejection> {
        let mut places = Vec::with_capacity(self.0.len());
        for auditor in &*self.0 {
            places.push(match auditor.place() {
                Some(placing) => Some(placing.await?),
                None => None,
            });
        }
        Ok(places)
    }

    fn decided(&self, decision: &Decision<'_>, places: Vec<Option<Box<dyn Place>>>) {
        let mut places = places.into_iter();
        for auditor in &*self.0 {
            match places.next().flatten() {
                Some(place) => place.decided(decision),
                None => auditor.decided(decision),
            }
        }
    }
}

impl Default for Auditors {
    /// Nobody.
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl FromIterator<Arc<dyn Auditor>> for Auditors {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Auditor>>>(auditors: I) -> Self {
        Self(auditors.into_iter().collect())
    }
}

impl std::fmt::Debug for Auditors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Auditors({})", self.0.len())
    }
}

/// Says what was decided about the request with these extensions. It counts if it is the first
/// that is said; what is said later is for the log alone.
pub fn decided(extensions: &Extensions, ruling: Ruling<'_>) {
    if let Some(pending) = Pending::of(extensions) {
        pending.decide(ruling);
        return;
    }
    let mut decision = Decision::new(ruling.outcome);
    decision.trace = extensions.get::<TraceId>().copied();
    decision.peer = Peer::of(extensions);
    if let Some(peeked) = extensions.get::<Peeked>() {
        decision.asks(peeked);
    }
    if let Some(identity) = Identity::of(extensions) {
        decision.about(identity);
    }
    decision.follow(ruling);
    event::write(&decision);
}

/// Whether what is decided about this request can be taken down.
///
/// # Errors
/// What an [`Auditor`] says that cannot.
pub fn ready(extensions: &Extensions) -> Result<(), Rejection> {
    Pending::of(extensions).map_or(Ok(()), Pending::ready)
}

/// What a refusal needs of a request that goes on without it: trace id, address and [`Pending`].
pub fn aside(extensions: &mut Extensions) -> Extensions {
    let mut aside = Extensions::new();
    aside.insert(TraceId::of(extensions));
    if let Some(peer) = extensions.get::<Peer>() {
        aside.insert(*peer);
    }
    if let Some(pending) = extensions.get::<Pending>() {
        aside.insert(pending.clone());
    }
    aside
}

/// The layers let it go on.
pub(crate) fn passed(extensions: &Extensions, permit: &Permit) {
    if let Some(pending) = Pending::of(extensions) {
        // The handler may know better, or the answer will say.
        pending.passed(permit);
        return;
    }
    let tool = extensions.get::<Peeked>().and_then(Peeked::called_tool);
    let basis = match tool {
        None => Basis::Known,
        Some(tool) => match permit.basis(tool) {
            Some(basis) => basis,
            // The handler knows what to answer for a tool that is not there.
            None => return,
        },
    };
    decided(extensions, Ruling { tool, ..Ruling::allowed(basis) });
}
