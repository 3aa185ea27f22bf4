//! The MCP endpoint itself, as rmcp serves it.

use std::sync::Arc;

use mcp_auth::authz::peek::MAX_BODY;
use mcp_auth::guard::session::IDLE;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::Drain;

/// Streamable HTTP for both generations of clients: stateless for those of 2026-07-28,
/// sessions for older ones.
///
/// It judges nobody: put the layers of `mcp-auth` around it. `Host` and `Origin` are judged
/// by [`outer`](crate::outer()), for every route alike.
pub fn mcp<H>(handler: H, drain: &Drain) -> StreamableHttpService<H, LocalSessionManager>
where
    H: ServerHandler + Clone + Send + Sync + 'static,
{
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(IDLE);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(true)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY)
        .with_cancellation_token(drain.streams())
        .disable_allowed_hosts()
        .disable_allowed_origins();
    StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(sessions), config)
}
