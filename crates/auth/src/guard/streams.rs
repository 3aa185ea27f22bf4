//! Ends a stream with the credential that opened it.
//!
//! A request is judged when it comes, and a stream of events can go on for hours after that. It
//! ends when its credential expires or is revoked, or when its session ends, whichever comes first.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use pin_project_lite::pin_project;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::{Layer, Service};

use crate::Identity;
use crate::authn::Standing;
use crate::metrics::Timer;

/// How often the clock is looked at while a stream is open. Clocks are set, and a machine that
/// slept does not count the time.
const LOOK: Duration = Duration::from_secs(30);

/// Cuts off event streams that outlive their credential. It comes after
/// [`Sessions`](super::session::Sessions), right around the MCP service.
#[derive(Clone, Default)]
pub struct Streams {
    standing: Option<Arc<dyn Standing>>,
}

/// The service that [`Streams`] makes.
#[derive(Clone, Debug)]
pub struct Bounded<S> {
    inner: S,
    streams: Streams,
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
        limits: Option<Limits>,
        timer: Timer,
    }
}

pin_project! {
    /// A body that ends at the moment it has to.
    pub struct Until<B> {
        #[pin]
        body: B,
        // Boxed, because nearly every body is no stream and has none.
        end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    }
}

/// All by which a stream can end that does not end itself.
struct Limits {
    caller: Option<Arc<Identity>>,
    session: Option<Instant>,
    streams: Streams,
    clock: Clock,
}

impl Streams {
    /// Ends streams when their credentials expire.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends them also when their credentials are revoked.
    pub fn standing(standing: Arc<dyn Standing>) -> Self {
        Self { standing: Some(standing) }
    }
}

impl<S> Layer<S> for Streams {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bounded { inner, streams: self.clone(), clock: Timestamp::now }
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
        let limits = Some(Limits {
            caller: Identity::of(request.extensions()).cloned(),
            session: request.extensions().get::<StreamEnd>().map(|end| end.0),
            streams: self.streams.clone(),
            clock: self.clock,
        });
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
            let limits = this.limits.take().filter(|_| is_stream(&answer));
            let end = limits.and_then(Limits::ending);
            answer.map(|body| Until { body, end })
        })
    }
}

impl Limits {
    /// Nothing where nothing ends.
    fn ending(self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        // Before the first look, so that no change falls in between.
        let changes = self.streams.standing.as_ref().map(|standing| standing.changes());
        if changes.is_none() {
            self.left()?;
        }
        Some(Box::pin(self.over(changes)))
    }

    /// Returns when one of them is over.
    async fn over(self, mut changes: Option<watch::Receiver<u64>>) {
        loop {
            let left = self.left().unwrap_or(LOOK).min(LOOK);
            if left.is_zero() {
                break;
            }
            match &mut changes {
                Some(receiver) => {
                    // Whoever knew of changes may be gone, and the clock goes on.
                    let gone = matches!(timeout(left, receiver.changed()).await, Ok(Err(_)));
                    changes = changes.filter(|_| !gone);
                }
                None => sleep(left).await,
            }
        }
        if let (Some(caller), true) = (&self.caller, self.credential_is_over()) {
            let Identity { credential, user, .. } = &**caller;
            tracing::info!(credential, user, "a stream has ended, because its credential is over");
        }
    }

    fn credential_is_over(&self) -> bool {
        self.credential().is_some_and(|end| end <= (self.clock)())
    }

    /// The time until the first of them, zero once it is over.
    fn left(&self) -> Option<Duration> {
        let credential = self
            .credential()
            .map(|end| Duration::try_from((self.clock)().duration_until(end)).unwrap_or_default());
        let session = self.session.map(|end| end.saturating_duration_since(Instant::now()));
        credential.into_iter().chain(session).min()
    }

    /// When the credential ends: by itself, or because somebody said so since. What cannot be said
    /// counts as over.
    fn credential(&self) -> Option<Timestamp> {
        let caller = self.caller.as_ref()?;
        let said = self
            .streams
            .standing
            .as_ref()
            .and_then(|standing| standing.end(caller).unwrap_or(Some(Timestamp::UNIX_EPOCH)));
        caller.expires.into_iter().chain(said).min()
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

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let standing = self.standing.is_some();
        f.debug_struct("Streams").field("standing", &standing).finish_non_exhaustive()
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
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicI64, Ordering};

    use http_body_util::BodyExt;
    use jiff::SignedDuration;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::Rejection;

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
        let streams = Streams::new();
        Bounded { inner, streams, clock }.oneshot(request).await.unwrap().into_body()
    }

    /// What was said of bob's credential: nothing, that it is over, or that nobody knows.
    struct Said(Mutex<Option<Result<Timestamp, ()>>>, watch::Sender<u64>);

    impl Standing for Said {
        fn end(&self, identity: &Identity) -> Result<Option<Timestamp>, Rejection> {
            assert_eq!(identity.user, "bob");
            let said = self.0.lock().unwrap().transpose();
            said.map_err(|()| Rejection::unavailable(Duration::ZERO, "gone"))
        }

        fn changes(&self) -> watch::Receiver<u64> {
            self.1.subscribe()
        }
    }

    impl Said {
        fn say(&self, what: Option<Result<Timestamp, ()>>) {
            *self.0.lock().unwrap() = what;
            self.1.send_modify(|changes| *changes += 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_its_credential_is_revoked_and_no_sooner() {
        let over = Timestamp::now() - Duration::from_secs(1);
        for said in [Ok(over), Err(())] {
            let standing = Arc::new(Said(Mutex::new(None), watch::Sender::new(0)));
            let inner = service_fn(async move |_: Request<()>| {
                let mut answer = Response::new(Endless);
                answer.headers_mut().insert(CONTENT_TYPE, "text/event-stream".parse().unwrap());
                Ok::<_, Infallible>(answer)
            });
            let service = Streams::standing(standing.clone()).layer(inner);
            let open = async || service.clone().oneshot(request(None)).await.unwrap().into_body();
            let mut stream = pin!(open().await.collect());
            let ends = async |stream: &mut Pin<&mut _>| {
                tokio::time::timeout(Duration::from_secs(1), stream).await.is_ok()
            };
            assert!(!ends(&mut stream).await);
            standing.say(None);
            assert!(!ends(&mut stream).await, "somebody else's was revoked");
            standing.say(Some(said));
            assert!(ends(&mut stream).await);
            let late = open().await.collect();
            assert!(ends(&mut pin!(late)).await, "it was revoked while it was opened");
            standing.say(None);
            let mut stream = pin!(open().await.collect());
            assert!(!ends(&mut stream).await);
            *standing.0.lock().unwrap() = Some(said);
            let long = tokio::time::timeout(LOOK, stream).await;
            assert!(long.is_ok(), "nobody told, and nobody looked");
        }
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
