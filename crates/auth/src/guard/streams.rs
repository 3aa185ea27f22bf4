//! Ends a stream with the credential that opened it.
//!
//! A request is judged when it comes, and a stream of events can go on for hours after that. It
//! ends when its credential expires, or when its session does, whichever comes first.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::{Layer, Service};

use crate::Identity;
use crate::metrics::Timer;

/// How often the clock is looked at while a stream is open. Clocks are set, and a machine that
/// slept does not count the time.
const LOOK: Duration = Duration::from_secs(30);

/// Cuts off event streams that outlive their credential. It comes after
/// [`Sessions`](super::session::Sessions), right around the MCP service.
#[derive(Clone, Copy, Debug)]
pub struct Streams;

/// The service that [`Streams`] makes.
#[derive(Clone, Debug)]
pub struct Bounded<S> {
    inner: S,
    clock: Clock,
}

/// What tells the time by which credentials end.
type Clock = fn() -> Timestamp;

/// When the session of a request ends: a stream in it does not last longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamEnd(pub(crate) Instant);

pin_project! {
    /// An answer that may be a stream.
    pub struct BoundedFuture<F> {
        #[pin]
        inner: F,
        limits: Limits,
        timer: Timer,
    }
}

pin_project! {
    /// A body that ends at the moment it has to.
    pub struct Until<B> {
        #[pin]
        body: B,
        // Boxed, because nearly every body is no stream and has none.
        end: Option<Pin<Box<Ending>>>,
    }
}

pin_project! {
    struct Ending {
        limits: Limits,
        #[pin]
        look: Sleep,
    }
}

#[derive(Clone, Copy)]
struct Limits {
    credential: Option<Timestamp>,
    session: Option<Instant>,
    clock: Clock,
}

impl<S> Layer<S> for Streams {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bounded { inner, clock: Timestamp::now }
    }
}

impl<S, B, R> Service<Request<B>> for Bounded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<Until<R>>;
    type Error = S::Error;
    type Future = BoundedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let limits = Limits {
            credential: Identity::of(request.extensions()).and_then(|caller| caller.expires),
            session: request.extensions().get::<StreamEnd>().map(|end| end.0),
            clock: self.clock,
        };
        let timer = Timer::start();
        BoundedFuture { inner: self.inner.call(request), limits, timer }
    }
}

impl<F, R, E> Future for BoundedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Until<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.inner.poll(cx).map_ok(|answer| {
            this.timer.layer("handler");
            let end = is_stream(&answer).then(|| this.limits.ending()).flatten();
            answer.map(|body| Until { body, end })
        })
    }
}

impl Limits {
    /// Nothing where nothing ends.
    fn ending(self) -> Option<Pin<Box<Ending>>> {
        let left = self.left()?;
        Some(Box::pin(Ending { limits: self, look: sleep(left.min(LOOK)) }))
    }

    /// The time until the first of them, zero once it is over.
    fn left(self) -> Option<Duration> {
        let credential = self
            .credential
            .map(|end| Duration::try_from((self.clock)().duration_until(end)).unwrap_or_default());
        let session = self.session.map(|end| end.saturating_duration_since(Instant::now()));
        credential.into_iter().chain(session).min()
    }
}

impl Future for Ending {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while this.look.as_mut().poll(cx).is_ready() {
            let left = this.limits.left().unwrap_or_default();
            if left.is_zero() {
                return Poll::Ready(());
            }
            this.look.as_mut().reset(tokio::time::Instant::now() + left.min(LOOK));
        }
        Poll::Pending
    }
}

impl<B: Body<Data = Bytes>> Body for Until<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if let Some(end) = this.end
            && end.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        this.body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn is_stream<R>(answer: &Response<R>) -> bool {
    answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use http_body_util::BodyExt;
    use jiff::SignedDuration;
    use tower::{ServiceExt, service_fn};

    use super::*;

    /// Never ends by itself.
    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    fn request(expires: Option<Timestamp>) -> Request<()> {
        let mut request = Request::new(());
        let identity = Identity { expires, ..Identity::new("jwt", "issuer", "bob") };
        request.extensions_mut().insert(Arc::new(identity));
        request
    }

    async fn answer(
        clock: Clock,
        content_type: &'static str,
        request: Request<()>,
    ) -> Until<Endless> {
        let inner = service_fn(async move |_: Request<()>| {
            let mut answer = Response::new(Endless);
            answer.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
            Ok::<_, Infallible>(answer)
        });
        Bounded { inner, clock }.oneshot(request).await.unwrap().into_body()
    }

    async fn lasts(content_type: &'static str, expires: Option<Timestamp>) -> bool {
        let body = answer(Timestamp::now, content_type, request(expires)).await.collect();
        tokio::time::timeout(Duration::from_millis(700), body).await.is_err()
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_credential_and_no_sooner() {
        let soon = Timestamp::now() + Duration::from_millis(150);
        let later = Timestamp::now() + Duration::from_secs(60);
        assert!(!lasts("text/event-stream", Some(soon)).await);
        assert!(lasts("text/event-stream", Some(later)).await);
        assert!(lasts("text/event-stream", None).await);
        assert!(lasts("application/json", Some(soon)).await, "an answer is not cut off");
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_session_if_that_is_first() {
        let lasting = Timestamp::now() + Duration::from_secs(60);
        let end = Instant::now() + Duration::from_millis(150);
        let mut request = request(Some(lasting));
        request.extensions_mut().insert(StreamEnd(end));
        let body = answer(Timestamp::now, "text/event-stream", request).await.collect();
        assert!(tokio::time::timeout(Duration::from_secs(20), body).await.is_ok());
        assert!(Instant::now() >= end, "it ended too soon");
    }

    /// Of a machine that slept or was set: timers do not know.
    #[tokio::test(start_paused = true)]
    async fn the_clock_is_looked_at_again() {
        static SET_BY: AtomicI64 = AtomicI64::new(0);
        fn clock() -> Timestamp {
            let start = "2026-07-28T12:00:00Z".parse::<Timestamp>().unwrap();
            start + SignedDuration::from_secs(SET_BY.load(Ordering::Relaxed))
        }
        let hour = clock() + SignedDuration::from_hours(1);
        let mut stream =
            pin!(answer(clock, "text/event-stream", request(Some(hour))).await.collect());
        let seconds = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        // The timer fires in vain as long as the clock says that there is time left.
        tokio::select! {
            _ = &mut stream => panic!("it ended before its credential"),
            () = seconds(2 * 60 * 60 + 1) => {}
        }
        SET_BY.store(2 * 60 * 60, Ordering::Relaxed);
        tokio::select! {
            _ = &mut stream => {}
            () = seconds(30) => panic!("nobody looked at the clock"),
        }
    }
}
