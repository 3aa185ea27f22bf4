//! An MCP server behind RS256 tokens whose `job_role` decides which tools may be called.
//!
//! The two servers beside it differ in the scheme, the policy and the tools. The layers, from
//! outside in, are one expression in this file; what goes into them is opened in `prepare`.
//!
//! It holds a public key and nothing else: it cannot make a token.

mod keys;
mod options;
mod prepare;

use std::sync::Arc;

use axum::Router;
use mcp_auth::authn::expiry::ExpiryWarning;
use mcp_auth::authn::jwt::JwtVerifier;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authz::Policy;
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::peek::Peek;
use mcp_auth::guard::limit::{Failures, Limit};
use mcp_auth::guard::session::Sessions;
use mcp_auth::guard::streams::Streams;
use mcp_auth::{Challenge, Live};
use serve::{App, Drain, Follow, PublicUrl, ResourceMetadata};
use store::Store;
use tools::ToolServer;
use tower::ServiceBuilder;

pub use crate::keys::JwksSource;
use crate::keys::Trusted;
pub use crate::options::{DEFAULT_AUDIENCE, DEFAULT_ISSUER, Options};

/// The policy that a server has which was given none: which role reaches which tools.
pub const BUILT_IN_POLICY: &str = include_str!("../policy.toml");

/// This server, with its key and its policy read and nothing bound yet.
pub struct Prepared {
    options: Options,
    keys: Trusted,
    store: Store,
    policy: Live<Policy>,
    tools: ToolServer,
    follows: Vec<Follow>,
}

impl Prepared {
    /// The whole stack.
    fn stack(&self, url: &PublicUrl) -> App {
        let common = &self.options.common;
        let drain = Drain::new();
        let failures = Failures::new(common.failure_limit);
        // The built-in policy has roles alone; one of the operator's may have scopes.
        let scopes = Some(self.policy.clone());
        let metadata = ResourceMetadata {
            authorization_servers: self.options.issuer.iter().cloned().collect(),
            scopes: scopes.clone(),
        };
        let challenge = Challenge {
            resource_metadata: Some(ResourceMetadata::url(url)),
            how_to_get_one: format!(
                "Send a token that {} issued for {}, as Authorization: Bearer <token>.",
                self.options.issuer(),
                self.options.audience()
            )
            .into(),
            scopes,
        };
        let store = Arc::new(self.store.clone());
        let scheme = JwtVerifier::new(self.keys.clone(), self.options.rules())
            .with_revocations(store.clone())
            .remembering(self.options.remember_tokens);
        let authenticate = Authenticate::counting(scheme, challenge.clone(), failures).warning(
            ExpiryWarning::new(
                common.expiry_warning,
                format!("Ask {} for another token.", self.options.issuer()),
            ),
        );
        let policy = self.policy.clone();

        let limit = Limit::layer(common.rate_limit);
        let sessions = Sessions::new();

        let (config, manager) = serve::mcp(&drain);
        let endpoint = self.tools.clone().endpoint(config, manager);
        let mcp = ServiceBuilder::new()
            .layer(authenticate.clone()) // 401: who are you?
            .layer(limit.clone()) // 429: not so often
            .layer(Peek) // what are you asking for?
            .layer(sessions.layer()) // 404: is that your session?
            .layer(Authorize::layer(policy, challenge)) // 403: may you?
            .layer(Streams::standing(store.clone())) // no longer than your credential
            .service(endpoint.clone());

        let routes = Router::new()
            .route_service("/mcp", mcp)
            .merge(serve::below("/mcp", authenticate, limit, sessions.clone()))
            .merge(self.keys.router())
            .merge(metadata.router(url));

        let (keys, kept_up) = (self.keys.clone(), self.keys.clone());
        let (known, ending) = (store.clone(), drain.clone());
        let outer = common
            .outer(url)
            .ready(move || keys.ready().and_then(|()| known.ready()))
            .at_start(move || {
                kept_up.keep_up();
                serve::end_sessions(&sessions, store.clone(), endpoint.clone(), &ending);
            })
            .follow(self.follows.iter().cloned());
        outer.around(routes, &drain)
    }
}
