//! The same tools without authentication: what a call costs by itself.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use mcp_auth::Identity;
use mcp_auth::authz::Policy;
use mcp_auth::guard::front::Front;
use serve::{Drain, Outer, PublicUrl};
use tools::{Kit, Records, ToolServer, Weather};

/// A server that asks nobody for a credential. It exists to be measured.
pub struct Open {
    /// The URL of its MCP endpoint.
    pub url: String,
    /// Its whole stack, for calls that leave out the socket.
    pub router: Router,
    /// Kept because the server ends with it.
    _running: serve::Running,
}

impl Open {
    /// Starts it on a free loopback port.
    ///
    /// Without a Permit every tool refuses, so each request is handed one that allows all:
    /// what stands here in the place of four layers.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let records = Records::in_memory("compare").context("cannot make records in memory")?;
        let tools = ToolServer::new("open-server", Kit::personal(Weather::sample()), records);
        let policy = Arc::new(Policy::grants_only(tools.catalogue()));
        let permit = policy.permit(Arc::new(everybody()));
        let drain = Drain::new();
        let listener = serve::bind(([127, 0, 0, 1], 0).into())?;
        let url = PublicUrl::of(listener.local_addr()?);
        let (config, sessions) = serve::mcp(&drain);
        let routes = Router::new()
            .route_service("/mcp", tools.endpoint(config, sessions))
            .layer(axum::Extension(permit));
        let app = Outer::new(Front::new(url.uri(), true)).around(routes, &drain);
        let router = app.router.clone();
        Ok(Self { url: url.mcp(), router, _running: serve::start(listener, app)? })
    }
}

fn everybody() -> Identity {
    Identity {
        scheme: "none",
        issuer: "compare".to_owned(),
        user: "bob".to_owned(),
        user_number: None,
        name: None,
        client: "compare".to_owned(),
        credential: String::new(),
        roles: Vec::new(),
        scopes: Vec::new(),
        grants: vec!["*".to_owned()],
        read_only: false,
        rate: None,
        issued: None,
        key: None,
        expires: None,
    }
}
