//! How a server ends without cutting anybody off.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long calls may take to finish once the server was told to end.
const PATIENCE: Duration = Duration::from_secs(3);

/// What has to end before a server does: first the calls that are being answered, then the
/// streams on which a client only listens.
///
/// The second would never end by themselves, and ending them first would cut off the first.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    calls: TaskTracker,
    streams: CancellationToken,
}

impl Drain {
    /// Nothing is running yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when streams have to end.
    pub(crate) fn streams(&self) -> CancellationToken {
        self.streams.clone()
    }

    /// Counts one request, until the token is dropped.
    pub(crate) fn enter(&self) -> TaskTrackerToken {
        self.calls.token()
    }

    /// Whether the server was told to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.calls.is_closed()
    }

    /// Waits for calls, for a bounded time, then ends streams.
    pub(crate) async fn run(&self) {
        self.calls.close();
        if tokio::time::timeout(PATIENCE, self.calls.wait()).await.is_err() {
            tracing::warn!(calls = self.calls.len(), "calls were still running and are cut off");
        }
        self.streams.cancel();
    }
}

/// A call to an older client is answered in a stream of its own: it counts until that stream
/// has ended. A stream that was opened with GET only listens, and does not count.
pub(crate) fn hold(token: TaskTrackerToken, method: &Method, response: Response) -> Response {
    let stream = HeaderValue::from_static("text/event-stream");
    if *method == Method::GET || response.headers().get(CONTENT_TYPE) != Some(&stream) {
        return response;
    }
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            // Captured, so that it is dropped with the body.
            let _answering = &token;
            frame
        }))
    })
}
