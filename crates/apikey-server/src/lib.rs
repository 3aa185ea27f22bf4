//! An MCP server behind API keys.
//!
//! The two servers beside it differ in the scheme, the policy and the tools. The layers, from
//! outside in, are one expression in this file; what goes into them is opened in `prepare`.

mod items;
mod keys;
mod options;
mod prepare;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use mcp_auth::Challenge;
use mcp_auth::authn::expiry::ExpiryWarning;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authz::Policy;
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::peek::Peek;
use mcp_auth::guard::limit::{Failures, Limit};
use mcp_auth::guard::session::Sessions;
use mcp_auth::guard::streams::Streams;
use serve::{App, Drain, PublicUrl};
use store::Store;
use tools::ToolServer;
use tower::ServiceBuilder;

use crate::keys::Keys;
pub use crate::options::{Options, Protect};

/// This server, with its keys opened and nothing bound yet.
pub struct Prepared {
    options: Options,
    keys: Keys,
    /// Where the keys are, unless there is one alone.
    store: Option<Store>,
    /// Where the demo keys lie, as far as they are in force.
    demo_files: Vec<PathBuf>,
    policy: Arc<Policy>,
    tools: ToolServer,
}

impl Prepared {
    /// The whole stack.
    fn stack(&self, url: &PublicUrl) -> App {
        let common = &self.options.common;
        let drain = Drain::new();
        let failures = Failures::new(common.failure_limit);
        let challenge = Challenge {
            how_to_get_one: "Send a key as X-API-Key: <key>; keygen apikey create makes one."
                .into(),
            // There is no authorization server that a client could ask.
            ..Challenge::default()
        };
        let authenticate = Authenticate::counting(self.keys.clone(), challenge.clone(), failures)
            .warning(ExpiryWarning::new(common.expiry_warning, "Ask whoever runs this server for the key that takes over; keygen apikey rotate makes it."));
        let authorize = Authorize::layer(self.policy.clone(), challenge);

        let limit = Limit::layer(common.rate_limit);
        let sessions = Sessions::new();

        // The one key of a server without a store stands for as long as the server does.
        let store = self.store.clone().map(Arc::new);
        let streams = store.clone().map_or_else(Streams::new, |store| Streams::standing(store));

        let (config, manager) = serve::mcp(&drain);
        let endpoint = self.tools.clone().endpoint(config, manager);
        let mcp = ServiceBuilder::new()
            .layer(authenticate.clone()) // 401: who are you?
            .layer(limit.clone()) // 429: not so often
            .layer(Peek) // what are you asking for?
            .layer(sessions.layer()) // 404: is that your session?
            .layer(authorize.clone()) // 403: may you?
            .layer(streams) // no longer than your credential
            .service(endpoint.clone());

        let items = match self.options.protection() {
            Protect::Mcp => items::public(self.tools.clone()),
            Protect::All => items::protected(self.tools.clone()).layer(
                ServiceBuilder::new()
                    .layer(authenticate.clone())
                    .layer(limit.clone())
                    .layer(Peek)
                    .layer(authorize),
            ),
        };

        let routes = Router::new()
            .route_service("/mcp", mcp)
            .merge(serve::below("/mcp", authenticate, limit, sessions.clone()))
            .merge(items);

        let outer = common.outer(url);
        let outer = match store {
            Some(store) => {
                let (known, ending) = (store.clone(), drain.clone());
                outer.ready(move || known.ready()).at_start(move || {
                    serve::end_sessions(&sessions, store.clone(), endpoint.clone(), &ending);
                })
            }
            None => outer,
        };
        outer.around(routes, &drain)
    }
}
