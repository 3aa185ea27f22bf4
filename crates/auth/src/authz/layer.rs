//! Gives every known caller a Permit, and refuses a `tools/call` that it does not allow.

use http::{Method, Request};

use super::Policy;
use super::peek::Peeked;
use crate::guard::gate::{Check, Gate};
use crate::{Challenge, Identity, Live, Rejection, audit};

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

    const LAYER: Option<&'static str> = Some("authorize");

    fn check<B>(&self, request: &mut Request<B>) -> Result<(), Rejection> {
        let Some(identity) = Identity::of(request.extensions()).cloned() else {
            return Err(Rejection::unprotected("authorization without authentication before it"));
        };
        let permit = self.0.current().permit(identity);
        let is_post = request.method() == Method::POST;
        let extensions = request.extensions_mut();
        extensions.insert(permit.clone());
        match extensions.get::<Peeked>() {
            // The handler knows what to answer for a tool that is not there.
            Some(peeked) => {
                peeked.called_tool().map_or(Ok(()), |tool| permit.check(tool).map(drop))?
            }
            None if is_post => {
                let reason = "authorization of a body that was not peeked at";
                return Err(Rejection::unprotected(reason));
            }
            None => {}
        }
        audit::passed(extensions, &permit);
        Ok(())
    }
}
