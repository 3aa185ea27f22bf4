//! How the MCP endpoint is served.

use mcp_auth::authz::peek::MAX_BODY;
use mcp_auth::guard::session::IDLE;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

use crate::Drain;

/// How rmcp serves Streamable HTTP to both generations of clients: stateless to those of
/// 2026-07-28, with sessions to older ones.
///
/// `Host` and `Origin` are judged by [`Outer`](crate::Outer), for every route alike.
pub fn mcp(drain: &Drain) -> (StreamableHttpServerConfig, LocalSessionManager) {
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(IDLE);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(true)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY)
        .with_cancellation_token(drain.streams())
        .disable_allowed_hosts()
        .disable_allowed_origins();
    (config, sessions)
}
