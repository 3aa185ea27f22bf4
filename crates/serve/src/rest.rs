//! What is left of a body that nobody read.
//!
//! Who is refused is refused before its body is read. hyper then ends the connection behind the
//! answer, if the rest has not come already, and does not say so. A client that sends head and
//! body one after the other, as those in Python do, would send its next request on that
//! connection and find it closed: instead of why it was refused, its user would see that the
//! server had disconnected.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The longest rest that is read away, in bytes: any message but a large one.
const LONGEST: u64 = 64 * 1024;

/// How long a rest is waited for that is on its way.
const PATIENCE: Duration = Duration::from_millis(100);

/// Reads away what is left of a small body, so that the connection can go on; where that takes
/// too long, the answer says that it ends (RFC 9112 §9.6).
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // The body of who waits to be asked for it (RFC 9110 §10.1.1) is not on its way.
    let awaited = request.headers().contains_key(EXPECT);
    let (given_back, mut rest) = oneshot::channel();
    let lend = |body| Body::new(Lent { body, ended: false, given_back: Some(given_back) });
    let mut response = next.run(request.map(lend)).await;
    let Ok(body) = rest.try_recv() else { return response };
    let headers = response.headers_mut();
    if !headers.contains_key(CONNECTION) && (awaited || !read_away(body).await) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the end of this body was reached.
async fn read_away(mut body: Body) -> bool {
    if body.size_hint().lower() > LONGEST {
        return false;
    }
    let read = async {
        let mut left = LONGEST;
        while let Some(frame) = body.frame().await {
            let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(length as u64)?;
        }
        Some(())
    };
    matches!(timeout(PATIENCE, read).await, Ok(Some(())))
}

/// A body that comes back to the lender if it is dropped before its end.
struct Lent {
    body: Body,
    ended: bool,
    given_back: Option<oneshot::Sender<Body>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.ended || self.body.is_end_stream() {
            return;
        }
        if let Some(given_back) = self.given_back.take() {
            let _ = given_back.send(std::mem::take(&mut self.body));
        }
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // After an error there is no rest to be had.
        self.ended |= matches!(frame, Poll::Ready(None | Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
