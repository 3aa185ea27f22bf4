//! A check that needs nothing but the request, as a tower layer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::Either;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{Challenge, Rejection, RejectionBody};

/// Judges a request by its head. It may change the head, and never sees the body.
pub trait Check: Send + Sync + 'static {
    /// Lets the request go on, or says why not.
    ///
    /// # Errors
    /// A [`Rejection`], which is answered on the spot.
    fn check<B>(&self, request: &mut Request<B>) -> Result<(), Rejection>;
}

/// Puts a [`Check`] in front of a service.
#[derive(Debug)]
pub struct Gate<C>(Arc<(C, Challenge)>);

/// The service that [`Gate`] makes.
#[derive(Debug)]
pub struct Gated<C, S> {
    gate: Gate<C>,
    inner: S,
}

pin_project! {
    /// Either the inner service's answer or the refusal.
    pub struct GateFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Passed { #[pin] inner: F },
        Refused { answer: Option<Response<RejectionBody>> },
    }
}

impl<C: Check> Gate<C> {
    /// A layer for this check; `challenge` goes with its refusals.
    pub fn new(check: C, challenge: Challenge) -> Self {
        Self(Arc::new((check, challenge)))
    }
}

impl<C> Clone for Gate<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C, S> Layer<S> for Gate<C> {
    type Service = Gated<C, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated { gate: self.clone(), inner }
    }
}

impl<C, S: Clone> Clone for Gated<C, S> {
    fn clone(&self) -> Self {
        Self { gate: self.gate.clone(), inner: self.inner.clone() }
    }
}

impl<C, S, B, R> Service<Request<B>> for Gated<C, S>
where
    C: Check,
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<Either<R, RejectionBody>>;
    type Error = S::Error;
    type Future = GateFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (check, challenge) = &*self.gate.0;
        match check.check(&mut request) {
            Ok(()) => GateFuture { state: State::Passed { inner: self.inner.call(request) } },
            Err(rejection) => {
                let answer = rejection.answer(challenge, request.extensions_mut());
                GateFuture { state: State::Refused { answer: Some(answer) } }
            }
        }
    }
}

impl<F, R, E> Future for GateFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<R, RejectionBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passed { inner } => {
                inner.poll(cx).map(|result| result.map(|response| response.map(Either::Left)))
            }
            StateProjection::Refused { answer } => {
                let answer = answer.take().expect("a future is not polled after it is ready");
                Poll::Ready(Ok(answer.map(Either::Right)))
            }
        }
    }
}
