//! Gives every known caller a Permit, and refuses a `tools/call` that it does not allow.

use http::{Method, Request};

use super::peek::Peeked;
use super::{Policy, Verdict};
use crate::guard::gate::{Check, Gate};
use crate::{Challenge, Identity, Live, Rejection, TraceId, audit};

/// Judges each request by the policy that counts when it arrives.
#[derive(Debug)]
pub struct Authorize(Live<Policy>);

impl Authorize {
    /// The layer. It comes after [`Authenticate`](crate::authn::layer::Authenticate) and
    /// [`Peek`](super::peek::Peek), and refuses every request that they have not seen.
    ///
    /// A [`Live`] policy may be replaced while it is used: layer and handler judge a request by
    /// the same one, because both ask its [`Permit`](super::Permit).
    pub fn layer(policy: impl Into<Live<Policy>>, challenge: Challenge) -> Gate<Self> {
        Gate::new(Self(policy.into()), challenge)
    }
}

impl Check for Authorize {
    type Pass = ();

    fn check<B>(&self, request: &mut Request<B>) -> Result<(), Rejection> {
        let Some(identity) = Identity::of(request.extensions()).cloned() else {
            return Err(Rejection::unprotected("authorization without authentication before it"));
        };
        let permit = self.0.current().permit(identity);
        let extensions = request.extensions_mut();
        extensions.insert(permit.clone());
        let trace = TraceId::of(extensions);
        let Some(peeked) = extensions.get::<Peeked>() else {
            return if request.method() == Method::POST {
                Err(Rejection::unprotected("authorization of a body that was not peeked at"))
            } else {
                Ok(())
            };
        };
        let Some(tool) = peeked.called_tool() else { return Ok(()) };
        // The handler knows what to answer for a tool that is not there.
        if permit.check(tool)? == Verdict::Allowed {
            audit::allowed(permit.identity(), tool, trace);
        }
        Ok(())
    }
}
