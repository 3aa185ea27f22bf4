//! Puts a scheme in front of a service.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Extensions, Request, Response};
use http_body_util::Either;
use jiff::Timestamp;
use tower::{Layer, Service};

use super::Scheme;
use super::credential::Credential;
use super::expiry::{Expiring, ExpiryWarning};
use crate::audit::Pending;
use crate::guard::limit::Failures;
use crate::guard::peer::Peer;
use crate::metrics::{self, Timer};
use crate::{Challenge, Identity, Rejection, RejectionBody};

/// Lets requests through whose credential a [`Scheme`] verifies.
///
/// The credential is taken out of the request and an `Arc<Identity>` put into its
/// extensions. Everything else is answered here, before any body is read: also with a 429, if
/// too many credentials from one address have failed.
pub struct Authenticate<C> {
    config: Arc<Config<C>>,
    warning: Option<Arc<ExpiryWarning>>,
}

/// The service that [`Authenticate`] makes.
pub struct Authenticated<C, S> {
    config: Arc<Config<C>>,
    warning: Option<Arc<ExpiryWarning>>,
    inner: S,
}

struct Config<C> {
    scheme: C,
    challenge: Challenge,
    failures: Failures,
}

impl<C: Scheme> Authenticate<C> {
    /// A layer for this scheme; `challenge` is what callers without a good credential are told.
    pub fn new(scheme: C, challenge: Challenge) -> Self {
        Self::counting(scheme, challenge, Failures::default())
    }

    /// The same, counting the credentials that are refused together with other doors.
    pub fn counting(scheme: C, challenge: Challenge, failures: Failures) -> Self {
        metrics::expect(scheme.name());
        Self { config: Arc::new(Config { scheme, challenge, failures }), warning: None }
    }

    /// The same, which also warns of the end of credentials.
    pub fn warning(self, warning: ExpiryWarning) -> Self {
        Self { warning: Some(Arc::new(warning)), ..self }
    }
}

impl<C> Clone for Authenticate<C> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config), warning: self.warning.clone() }
    }
}

impl<C, S> Layer<S> for Authenticate<C> {
    type Service = Authenticated<C, S>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { config, warning } = self.clone();
        Authenticated { config, warning, inner }
    }
}

impl<C, S: Clone> Clone for Authenticated<C, S> {
    fn clone(&self) -> Self {
        let (config, warning) = (Arc::clone(&self.config), self.warning.clone());
        Self { config, warning, inner: self.inner.clone() }
    }
}

impl<C, S, B, R> Service<Request<B>> for Authenticated<C, S>
where
    C: Scheme,
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Either<R, RejectionBody>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (config, warning) = (Arc::clone(&self.config), self.warning.clone());
        // The clone that is kept has not been polled ready; the one that was, is used.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            let timer = Timer::start();
            let admitted = config.admit(request).await;
            timer.layer("authenticate");
            match admitted {
                Ok(mut request) => {
                    let expiring = warning.and_then(|warning| expiring(&warning, &request));
                    if let Some(expiring) = &expiring {
                        request.extensions_mut().insert(expiring.clone());
                    }
                    let mut answer = inner.call(request).await?;
                    if let Some(expiring) = expiring {
                        expiring.tell(answer.headers_mut());
                    }
                    Ok(answer.map(Either::Left))
                }
                Err(answer) => Ok(answer.map(Either::Right)),
            }
        })
    }
}

fn expiring<B>(warning: &ExpiryWarning, request: &Request<B>) -> Option<Expiring> {
    warning.of(Identity::of(request.extensions())?, Timestamp::now())
}

impl<C: Scheme> Config<C> {
    async fn admit<B>(&self, request: Request<B>) -> Result<Request<B>, Response<RejectionBody>> {
        let (mut head, body) = request.into_parts();
        match self.known(&head).await {
            Ok(identity) => {
                Credential::remove(&mut head);
                head.extensions.insert(identity);
                Ok(Request::from_parts(head, body))
            }
            Err(rejection) => Err(rejection.answer(&self.challenge, &mut head.extensions)),
        }
    }

    async fn known(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        let pending = Pending::of(&head.extensions);
        if let Some(pending) = pending {
            pending.judged_by(self.scheme.name());
            pending.ready()?;
        }
        let identity = self.scheme.authenticate(head).await;
        let identity =
            identity.map_err(|rejection| self.slowed_down(rejection, &head.extensions))?;
        if let Some(pending) = pending {
            pending.known(&identity).await?;
        }
        Ok(identity)
    }

    fn slowed_down(&self, rejection: Rejection, extensions: &Extensions) -> Rejection {
        if !rejection.is_failed_credential() {
            return rejection;
        }
        match self.failures.failed(Peer::of(extensions)) {
            Ok(()) => rejection,
            Err(slower) => slower.after(rejection.reason()),
        }
    }
}
