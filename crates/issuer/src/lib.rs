//! Tokens out: a token endpoint for programs (RFC 6749 §4.4) and its metadata (RFC 8414).
//!
//! ```text
//! POST /token                                     Authorization: Basic <client_id:client_secret>
//! Content-Type: application/x-www-form-urlencoded
//!
//! grant_type=client_credentials&scope=weather:read&resource=https://example.com/mcp
//!
//! → 200 {"access_token":"eyJ…","token_type":"Bearer","expires_in":3600,"scope":"weather:read"}
//! → 400 {"error":"invalid_scope","error_description":"…"}
//! ```
//!
//! `POST /revoke` takes a token back (RFC 7009), with the same authentication.
//!
//! `body` reads the request, of which `form` and `json` are the two forms; `client` says who is
//! asking, `grant` what they get, `revoke` what they give back, `refusal` what they are told if
//! they get nothing, and `metadata` where all of this is.

mod basic;
mod body;
mod client;
mod form;
mod grant;
mod json;
mod metadata;
mod parameters;
mod query;
mod refusal;
mod resource;
mod revoke;
mod scope;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use mcp_auth::audit::{self, Pending};
use mcp_auth::authn::client::{ClientLookup, ClientRecord};
use mcp_auth::authn::jwt::{self, JwtVerifier, KeySet, Revoke, Signers};
use mcp_auth::guard::gate::Gate;
use mcp_auth::guard::limit::{Failures, Limit, RateLimit};
use mcp_auth::guard::peer::Peer;
use mcp_auth::{Identity, Live, TraceId};

use grant::Issued;
use parameters::Parameters;
use refusal::Refusal;
use revoke::Revocation;

pub use metadata::is_router_pattern;
pub use scope::ScopeClosure;

/// The extension of MCP whose tokens are these: a server says in its capabilities that its
/// clients may be programs.
pub const MCP_EXTENSION: &str = "io.modelcontextprotocol/oauth-client-credentials";

/// Largest body of a request in bytes.
pub const MAX_BODY: usize = 16 * 1024;

/// What an issuer says about itself and its tokens. Nothing of it comes from a request.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// The `iss` of every token, and `issuer` in the metadata, verbatim (RFC 8414 §3.3).
    pub issuer: String,
    /// The `aud` of every token.
    pub audience: String,
    /// The URL of the protected server. A client may name it as `resource` (RFC 8707), and
    /// the audience too if that is a URL.
    pub resource: String,
    /// Where the endpoints are: the server's origin, without a slash at the end.
    pub public_url: String,
    /// How long a token lives. At least a minute: clients renew half a minute before the end.
    pub token_ttl: Duration,
    /// All scopes there are, for the metadata. What a client may have, its record says.
    pub scopes_supported: Vec<String>,
}

/// A token endpoint with its metadata.
pub struct Issuer<C> {
    config: IssuerConfig,
    signers: Live<Signers>,
    clients: C,
    scopes: ScopeClosure,
    revocation: Option<Revocation>,
    failures: Failures,
    /// Of requests for tokens, and of requests to take one back: neither is used up by the
    /// other, nor by whoever calls with a token that was stolen.
    limits: [Gate<Limit>; 2],
    accept_json: bool,
}

impl<C: ClientLookup> Issuer<C> {
    /// Issues tokens to `clients`, signed by that one of `signers` whose moment it is.
    pub fn new(config: IssuerConfig, signers: impl Into<Live<Signers>>, clients: C) -> Self {
        let scopes = scope::no_hierarchy();
        Self {
            config,
            signers: signers.into(),
            clients,
            scopes,
            revocation: None,
            failures: Failures::default(),
            limits: limits(Limit::DEFAULT.parse().expect("the default is a rate")),
            accept_json: false,
        }
    }

    /// Lets clients take back their tokens (RFC 7009): those that `verifier` takes, which has
    /// to be under the rules of the protected server, are told to `revoked`.
    pub fn with_revocation(
        self,
        verifier: JwtVerifier<Live<KeySet>>,
        revoked: Arc<dyn Revoke>,
    ) -> Self {
        Self { revocation: Some(Revocation { verifier, revoked }), ..self }
    }

    /// Lets clients ask for whatever their scopes imply.
    pub fn with_scope_closure(self, scopes: ScopeClosure) -> Self {
        Self { scopes, ..self }
    }

    /// Counts the secrets that are refused together with other doors.
    pub fn counting(self, failures: Failures) -> Self {
        Self { failures, ..self }
    }

    /// How often each client may ask for a token, and how often it may take one back.
    pub fn limited(self, limit: RateLimit) -> Self {
        Self { limits: limits(limit), ..self }
    }

    /// Reads a flat JSON object as well as a form. OAuth is form-encoded: this is for clients
    /// that cannot be changed.
    pub fn accept_json(self, accept_json: bool) -> Self {
        Self { accept_json, ..self }
    }

    /// `POST /token`, perhaps `POST /revoke`, the metadata, and an authorization endpoint that
    /// says it is none.
    pub fn router(self) -> Router {
        let metadata = metadata::document(&self.config, self.revocation.is_some());
        let metadata = get(move || std::future::ready(json(StatusCode::OK, &metadata)));
        let mut router = Router::new()
            .route("/token", post(token::<C>).fallback(only_post))
            .route("/authorize", get(no_authorization))
            .route(metadata::WELL_KNOWN, metadata.clone());
        if self.revocation.is_some() {
            router = router.route("/revoke", post(revoke::<C>).fallback(only_post));
        }
        if let Some(path) = metadata::path_with_suffix(&self.config.issuer) {
            router = router.route(&path, metadata);
        }
        router.with_state(Arc::new(self))
    }

    async fn token(&self, head: &Parts, body: Body) -> Result<Issued, Refusal> {
        audit::ready(&head.extensions).map_err(|why| Refusal::unaudited(&why))?;
        let parameters = self.read(head, body).await?;
        grant::check_type(&parameters)?;
        let client = self.client(head, &parameters, &self.limits[0]).await?;
        let signers = self.signers.current();
        grant::issue(&self.config, &signers, &self.scopes, &client, &parameters)
            .map_err(|refusal| refusal.of_client(&client.id))
    }

    async fn revoke(&self, head: &Parts, body: Body) -> Result<(), Refusal> {
        audit::ready(&head.extensions).map_err(|why| Refusal::unaudited(&why))?;
        let parameters = self.read(head, body).await?;
        let token = revoke::token(&parameters)?;
        let client = self.client(head, &parameters, &self.limits[1]).await?;
        let revocation = self.revocation.as_ref().expect("without it there is no such route");
        let revoked = revocation.revoke(&client, token, &head.extensions).await;
        revoked.map_err(|refusal| refusal.of_client(&client.id))
    }

    async fn read(&self, head: &Parts, body: Body) -> Result<Parameters, Refusal> {
        query::check(head.uri.query())?;
        body::read(&head.headers, body, self.accept_json).await
    }

    /// Who is asking, for both endpoints: there is no other place where a secret is compared.
    async fn client(
        &self,
        head: &Parts,
        parameters: &Parameters,
        limit: &Gate<Limit>,
    ) -> Result<Arc<ClientRecord>, Refusal> {
        let presented = client::presented(&head.headers, parameters)?;
        let record = self.clients.find_client(&presented.id).await;
        let record = record.map_err(|error| Refusal::unavailable(error.reason().to_owned()))?;
        let client = client::verify(record, &presented).map_err(|refusal| {
            let slower = self.failures.failed(Peer::of(&head.extensions)).err();
            match slower.and_then(|slower| slower.retry_after()) {
                Some(seconds) => refusal.slowed_down(seconds),
                None => refusal,
            }
        })?;
        let caller = self.caller(&client);
        if let Some(pending) = Pending::of(&head.extensions) {
            let known = pending.known(&caller).await;
            known.map_err(|why| Refusal::unaudited(&why).of_client(&client.id))?;
        }
        let counted = limit.check().take(&caller);
        counted.map_err(|rejection| Refusal::rate_limited(&rejection).of_client(&client.id))?;
        Ok(client)
    }

    /// For whom a client asks.
    fn caller(&self, client: &ClientRecord) -> Arc<Identity> {
        let mut identity = Identity::new(jwt::verify::NAME, &self.config.issuer, &client.user);
        identity.client.clone_from(&client.id);
        identity.credential.clone_from(&client.id);
        Arc::new(identity)
    }
}

fn limits(limit: RateLimit) -> [Gate<Limit>; 2] {
    [Limit::layer(limit), Limit::layer(limit)]
}

async fn token<C: ClientLookup>(
    State(issuer): State<Arc<Issuer<C>>>,
    request: Request,
) -> Response {
    let (mut head, body) = request.into_parts();
    TraceId::of(&mut head.extensions);
    match issuer.token(&head, body).await {
        Ok(issued) => {
            audit::decided(&head.extensions, issued.ruling());
            json(StatusCode::OK, &issued.body())
        }
        Err(refusal) => refusal.answer(&head.extensions),
    }
}

async fn revoke<C: ClientLookup>(
    State(issuer): State<Arc<Issuer<C>>>,
    request: Request,
) -> Response {
    let (mut head, body) = request.into_parts();
    TraceId::of(&mut head.extensions);
    match issuer.revoke(&head, body).await {
        // Nothing in the body is read by clients (RFC 7009 §2.2).
        Ok(()) => (StatusCode::OK, NOT_KEPT).into_response(),
        Err(refusal) => refusal.answer(&head.extensions),
    }
}

async fn only_post(mut request: Request) -> Response {
    TraceId::of(request.extensions_mut());
    let refusal =
        Refusal::invalid_request("send the request with POST, the parameters in the body")
            .with_status(StatusCode::METHOD_NOT_ALLOWED);
    ([(ALLOW, "POST")], refusal.answer(request.extensions())).into_response()
}

async fn no_authorization(mut request: Request) -> Response {
    TraceId::of(request.extensions_mut());
    Refusal::unsupported_response_type().answer(request.extensions())
}

/// Never to be kept by anything on the way (RFC 6749 §5.1).
const NOT_KEPT: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, NOT_KEPT, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
