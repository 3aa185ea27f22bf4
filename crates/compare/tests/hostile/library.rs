//! A server made of the library's layers, for what the three are not set up for: two keys at a
//! time, a weather service of the attacker's, a verifier that panics.

use std::sync::Arc;

use axum::Router;
use compare::{Kind, Side};
use http::request::Parts;
use mcp_auth::authn::Scheme;
use mcp_auth::authn::apikey::ApiKeys;
use mcp_auth::authn::jwt::{JwtVerifier, KeySet, Rules, VerifyingKey};
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::{Policy, peek::Peek};
use mcp_auth::guard::{front::Front, session::Sessions, streams::Streams};
use mcp_auth::{Challenge, Identity, Rejection};
use serve::{Drain, Outer, PublicUrl, Running};
use tools::{Kit, Records, ToolServer, Weather};
use tower::ServiceBuilder;

use super::forge::Forge;

/// A request that has it meets a verifier that panics, after it has found the credential good.
pub(crate) const PANIC: &str = "x-panic";

/// The scheme of a side as its server has it, with further keys beside its own.
///
/// # Panics
/// There is no free port.
pub(crate) fn serve(side: &Side, forge: &Forge, more: KeySet, weather: Weather) -> Running {
    let rules = match side.kind {
        Kind::ApiKey => return behind(side, ApiKeys::new(forge.store.clone(), false), weather),
        Kind::Jwt => Rules::new(side.origin(), &side.url),
        Kind::Rbac => Rules::new(rbac_server::DEFAULT_ISSUER, rbac_server::DEFAULT_AUDIENCE),
    };
    behind(side, JwtVerifier::new(more, rules), weather)
}

fn behind(side: &Side, scheme: impl Scheme, weather: Weather) -> Running {
    let records = Records::in_memory("library").unwrap();
    let tools = ToolServer::new("library", Kit::personal(weather), records);
    let policy = Policy::grants_only(tools.catalogue());
    let policy = ["get_time", "get_weather"]
        .into_iter()
        .fold(policy, |policy, tool| policy.always(tool).unwrap());
    // As the side's own server says it, by which the answers are judged.
    let document = format!("{}/.well-known/oauth-protected-resource/mcp", side.origin());
    let challenge = Challenge {
        resource_metadata: (side.kind != Kind::ApiKey).then_some(document),
        how_to_get_one: "Ask the owner.".into(),
        ..Challenge::default()
    };
    let drain = Drain::new();
    let listener = serve::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = PublicUrl::of(listener.local_addr().unwrap());
    let (config, manager) = serve::mcp(&drain);
    let mcp = ServiceBuilder::new()
        .layer(Authenticate::new(Fragile(scheme), challenge.clone()))
        .layer(Peek)
        .layer(Sessions::new().layer())
        .layer(Authorize::layer(Arc::new(policy), challenge))
        .layer(Streams::new())
        .service(tools.endpoint(config, manager));
    let routes = Router::new().route_service("/mcp", mcp);
    let app = Outer::new(Front::new(url.uri(), true)).around(routes, &drain);
    serve::start(listener, app).unwrap()
}

/// What verifies under any of these texts.
pub(crate) fn keys(side: &Side, texts: &[&str]) -> KeySet {
    let key = |text: &&str| match side.kind {
        Kind::Rbac => VerifyingKey::rs256(text).unwrap(),
        Kind::ApiKey | Kind::Jwt => VerifyingKey::hs256(text).unwrap(),
    };
    texts.iter().map(key).collect()
}

/// A scheme that works until it is asked to fail.
struct Fragile<S>(S);

impl<S: Scheme> Scheme for Fragile<S> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn authenticate(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        let found = self.0.authenticate(head).await;
        assert!(!head.headers.contains_key(PANIC), "made to fail");
        found
    }
}
