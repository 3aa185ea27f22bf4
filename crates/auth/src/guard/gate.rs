//! A check that needs nothing but the head of a request, as a tower layer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::Either;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::metrics::Timer;
use crate::{Challenge, Rejection, RejectionBody};

/// Judges a request by its head. It may change the head, and never sees the body.
pub trait Check: Send + Sync + 'static {
    /// What it remembers of a request that it let through, until that is answered.
    type Pass: Send;

    /// The layer's name where its times are recorded; `None`: they are not.
    const LAYER: Option<&'static str> = None;

    /// Lets the request go on, or says why not.
    ///
    /// # Errors
    /// A [`Rejection`], which is answered on the spot.
    fn check<B>(&self, request: &mut Request<B>) -> Result<Self::Pass, Rejection>;

    /// Sees the answer to a request that it let through, and may add to its head.
    fn answered<R>(&self, pass: Self::Pass, answer: &mut Response<R>) {
        let _ = (pass, answer);
    }
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
    pub struct GateFuture<C, F>
    where
        C: Check,
    {
        #[pin]
        state: State<C, F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<C, F>
    where
        C: Check,
    {
        Passed { #[pin] inner: F, gate: Gate<C>, pass: Option<C::Pass> },
        Refused { answer: Option<Response<RejectionBody>> },
    }
}

impl<C: Check> Gate<C> {
    /// A layer for this check; `challenge` goes with its refusals.
    pub fn new(check: C, challenge: Challenge) -> Self {
        Self(Arc::new((check, challenge)))
    }

    /// The check itself.
    pub fn check(&self) -> &C {
        &self.0.0
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
    type Future = GateFuture<C, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (check, challenge) = &*self.gate.0;
        let timer = Timer::start();
        let checked = check.check(&mut request);
        if let Some(layer) = C::LAYER {
            timer.layer(layer);
        }
        let state = match checked {
            Ok(pass) => State::Passed {
                inner: self.inner.call(request),
                gate: self.gate.clone(),
                pass: Some(pass),
            },
            Err(rejection) => {
                let answer = rejection.answer(challenge, request.extensions_mut());
                State::Refused { answer: Some(answer) }
            }
        };
        GateFuture { state }
    }
}

impl<C, F, R, E> Future for GateFuture<C, F>
where
    C: Check,
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<R, RejectionBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passed { inner, gate, pass } => inner.poll(cx).map_ok(|mut answer| {
                if let Some(pass) = pass.take() {
                    gate.check().answered(pass, &mut answer);
                }
                answer.map(Either::Left)
            }),
            StateProjection::Refused { answer } => {
                let answer = answer.take().expect("a future is not polled after it is ready");
                Poll::Ready(Ok(answer.map(Either::Right)))
            }
        }
    }
}
