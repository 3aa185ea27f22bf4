//! An MCP server behind short-lived HS256 tokens, which it issues itself at `/token`.
//!
//! The two servers beside it differ in the scheme, the policy and the tools. The layers, from
//! outside in, are one expression in this file; what goes into them is opened in `prepare`.

mod options;
mod prepare;
mod secrets;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use issuer::{Issuer, IssuerConfig};
use mcp_auth::authn::expiry::ExpiryWarning;
use mcp_auth::authn::jwt::{JwtVerifier, Rules};
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authz::Policy;
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::peek::Peek;
use mcp_auth::guard::limit::{Failures, Limit};
use mcp_auth::guard::session::Sessions;
use mcp_auth::guard::streams::Streams;
use mcp_auth::{Challenge, Live};
use serve::{App, Drain, PublicUrl, ResourceMetadata};
use store::Store;
use tools::{Kit, Records, ToolServer, Weather};
use tower::ServiceBuilder;

pub use crate::options::Options;
use crate::secrets::Secrets;

/// The server's name.
const NAME: &str = "jwt-server";

/// Which scope reaches which tools.
pub const POLICY: &str = include_str!("../policy.toml");

/// This server, with its secret and its store opened and nothing bound yet.
pub struct Prepared {
    options: Options,
    secrets: Secrets,
    store: Store,
    /// Where the demo clients lie, as far as they are in force.
    demo_files: Vec<PathBuf>,
}

impl Prepared {
    /// The whole stack.
    fn stack(&self, url: &PublicUrl) -> anyhow::Result<App> {
        let common = &self.options.common;
        let drain = Drain::new();
        let failures = Failures::new(common.failure_limit);
        let issuer = self.options.issuer_under(url);
        let audience = self.options.audience.clone().unwrap_or_else(|| url.mcp());
        let records = Records::open(&self.options.common.records_of(NAME)?, &issuer)?;
        let weather = Weather::new(self.options.weather, self.options.weather_key.clone())?;
        let kit = Kit::personal(weather);
        let tools = ToolServer::with_extensions(NAME, kit, records, &[issuer::MCP_EXTENSION]);
        let policy = Policy::parse(POLICY, tools.catalogue())?.always("whoami")?;
        let scopes: Vec<String> = policy.scopes().into_iter().map(str::to_owned).collect();
        prepare::warn_of_unknown_scopes(&self.store, &scopes)?;
        let policy = Live::from(policy);

        let metadata = ResourceMetadata {
            authorization_servers: vec![issuer.clone()],
            scopes: Some(policy.clone()),
        };
        let challenge = Challenge {
            resource_metadata: Some(ResourceMetadata::url(url)),
            // A first token may as well be good for all that changes nothing.
            scopes: Some(policy.clone()),
            how_to_get_one: format!("Fetch a token with POST {}/token.", url.origin()).into(),
        };
        let mut rules = Rules::new(&issuer, &audience);
        rules.longest_life = self.options.token_ttl;
        let Secrets { keys, signers, follow } = self.secrets.clone();
        let store = Arc::new(self.store.clone());
        // The door and the endpoint that takes tokens back judge them by the same rules.
        let verifier =
            || JwtVerifier::new(keys.clone(), rules.clone()).with_revocations(store.clone());
        let scheme = verifier().remembering(self.options.remember_tokens);
        let authenticate = Authenticate::counting(scheme, challenge.clone(), failures.clone())
            .warning(ExpiryWarning::new(
                common.expiry_warning,
                format!("Fetch a token with POST {}/token.", url.origin()),
            ));
        let implied = policy.current();

        let limit = Limit::layer(common.rate_limit);
        let sessions = Sessions::new();

        let (config, manager) = serve::mcp(&drain);
        let endpoint = tools.endpoint(config, manager);
        let mcp = ServiceBuilder::new()
            .layer(authenticate.clone()) // 401: who are you?
            .layer(limit.clone()) // 429: not so often
            .layer(Peek) // what are you asking for?
            .layer(sessions.layer()) // 404: is that your session?
            .layer(Authorize::layer(policy, challenge)) // 403: may you?
            .layer(Streams::standing(store.clone())) // no longer than your credential
            .service(endpoint.clone());

        let token = IssuerConfig {
            issuer,
            audience,
            resource: url.mcp(),
            public_url: url.origin().to_owned(),
            token_ttl: self.options.token_ttl,
            scopes_supported: scopes,
        };
        let signs = signers.clone();
        let issuer = Issuer::new(token, signers, self.store.clone())
            .with_revocation(verifier(), store.clone())
            .with_scope_closure(Arc::new(move |scopes| implied.scope_closure(scopes)))
            .counting(failures)
            .limited(common.rate_limit)
            .accept_json(self.options.accept_json);
        let routes = Router::new()
            .route_service("/mcp", mcp)
            .merge(serve::below("/mcp", authenticate, limit, sessions.clone()))
            .merge(issuer.router())
            .merge(metadata.router(url));

        let (known, ending) = (store.clone(), drain.clone());
        let outer = common
            .outer(url)
            .ready(move || known.ready().and_then(|()| secrets::ready(&signs)))
            .at_start(move || {
                serve::end_sessions(&sessions, store.clone(), endpoint.clone(), &ending);
            })
            .follow([follow]);
        Ok(outer.around(routes, &drain))
    }
}
