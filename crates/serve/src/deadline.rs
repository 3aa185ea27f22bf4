//! How long a request may take: until its body is there, and until its answer begins.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONNECTION;
use http_body::{Body as _, Frame, SizeHint};
use mcp_auth::audit::Pending;
use mcp_auth::{Challenge, Rejection, audit};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// When a caller may ask again for whom there was no room in the audit file.
const AGAIN: Duration = Duration::from_secs(5);

/// What a request is given time for. Each has a default that a server can keep.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TimeLimits {
    /// How long a client may be silent in the middle of a body: 10 s.
    pub pause: Duration,
    /// How long the whole body may take: 30 s. A client that sends a byte now and then is
    /// never silent for long, and would otherwise hold its connection for ever.
    pub body: Duration,
    /// How long it may take until an answer begins: 60 s. What follows, such as a stream of
    /// events, may take as long as it likes.
    pub answer: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(10),
            body: Duration::from_secs(30),
            answer: Duration::from_secs(60),
        }
    }
}

/// Answers 408 to a body that comes too slowly, and 504 when no answer begins in time.
///
/// 408 says that the client did not send a whole request in time, and that it may send it
/// again on another connection (RFC 9110 §15.5.9). Whoever sent one did nothing wrong, and
/// must not repeat a call that may have been carried out, unless it waited only to be taken down
/// (503): there it is 504, for what did not
/// answer is the service behind these layers (RFC 9110 §15.6.5).
pub(crate) async fn limit(
    State(limits): State<TimeLimits>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut aside = audit::aside(request.extensions_mut());
    let (body_is_late, mut late) = oneshot::channel();
    let request = request.map(|body| Body::new(Timed::new(body, limits, body_is_late)));
    let rejection = tokio::select! {
        biased;
        response = next.run(request) => return response,
        Ok(reason) = &mut late => Rejection::request_too_slow(reason),
        () = sleep(limits.answer) => match late.try_recv() {
            // The other half is there still: the body has not come to its end.
            Err(oneshot::error::TryRecvError::Empty) => {
                Rejection::request_too_slow("the body was not there before the answer was due")
            }
            _ if Pending::of(&aside).is_some_and(Pending::waits) => {
                Rejection::unaudited(AGAIN, "there was no room for the decision in time")
            }
            _ => Rejection::answer_too_slow(format!("no answer within {:?}", limits.answer)),
        },
    };
    let mut response = rejection.answer(&Challenge::default(), &mut aside).into_response();
    // What is left of the body is not waited for.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body that is given up when it comes too slowly.
struct Timed {
    inner: Body,
    pause: Duration,
    end: Instant,
    /// Runs while the next part of the body is waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// Gone when the body has ended.
    late: Option<oneshot::Sender<&'static str>>,
}

impl Timed {
    fn new(inner: Body, limits: TimeLimits, late: oneshot::Sender<&'static str>) -> Self {
        let end = Instant::now() + limits.body;
        let late = (!inner.is_end_stream()).then_some(late);
        Self { inner, pause: limits.pause, end, timer: None, late }
    }
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.timer = None;
            if frame.is_none() || this.inner.is_end_stream() {
                this.late = None;
            }
            return Poll::Ready(frame);
        }
        let due = this.end.min(Instant::now() + this.pause);
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(timer.as_mut().poll(cx));
        let reason = if Instant::now() < this.end {
            "the client was silent in the middle of a body"
        } else {
            "the body came too slowly"
        };
        match this.late.take().map(|late| late.send(reason)) {
            // Whoever waits for the body is dropped when that has been read.
            Some(Ok(())) => Poll::Pending,
            // The answer has begun already; nobody is there to be told.
            _ => Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
