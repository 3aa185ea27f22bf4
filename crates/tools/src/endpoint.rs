//! Where HTTP becomes MCP.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tower::Service;

use crate::ToolServer;

/// The Streamable HTTP endpoint of one [`ToolServer`].
///
/// It judges nobody: put the layers of `mcp-auth` around it. A clone costs one reference
/// count, where rmcp's own service copies its settings for each request.
#[derive(Clone)]
pub struct Endpoint(Arc<StreamableHttpService<ToolServer, LocalSessionManager>>);

type Answering = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;
type Answer = Response<BoxBody<Bytes, Infallible>>;

impl ToolServer {
    /// Serves these tools over HTTP.
    pub fn endpoint(
        self,
        config: StreamableHttpServerConfig,
        sessions: LocalSessionManager,
    ) -> Endpoint {
        let server = move || Ok(self.clone());
        Endpoint(Arc::new(StreamableHttpService::new(server, Arc::new(sessions), config)))
    }
}

impl<B> Service<Request<B>> for Endpoint
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let plain = |body: B| body.map_err(|error| error.to_string()).boxed_unsync();
        answer(Arc::clone(&self.0), request.map(plain))
    }
}

/// Generic in nothing: rmcp's service is compiled here, once, and not again in every
/// server, which takes a minute each.
fn answer(
    service: Arc<StreamableHttpService<ToolServer, LocalSessionManager>>,
    request: Request<UnsyncBoxBody<Bytes, String>>,
) -> Answering {
    Box::pin(async move { Ok(service.handle(request).await) })
}
