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
//! `form` reads the body, `client` says who is asking, `grant` what they get, `refusal`
//! what they are told if they get nothing, and `metadata` where all of this is.

mod client;
mod form;
mod grant;
mod metadata;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use mcp_auth::TraceId;
use mcp_auth::authn::client::ClientLookup;
use mcp_auth::authn::jwt::Signer;

use form::Form;
use refusal::Refusal;

/// Largest body of a token request in bytes.
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
    signer: Signer,
    clients: C,
}

impl<C: ClientLookup> Issuer<C> {
    /// Issues tokens to `clients`, signed by `signer`.
    pub fn new(config: IssuerConfig, signer: Signer, clients: C) -> Self {
        Self { config, signer, clients }
    }

    /// `POST /token`, the metadata, and an authorization endpoint that says it is none.
    pub fn router(self) -> Router {
        let metadata = metadata::document(&self.config);
        let metadata = get(move || std::future::ready(json(StatusCode::OK, &metadata)));
        let mut router = Router::new()
            .route("/token", post(token::<C>).fallback(only_post))
            .route("/authorize", get(no_authorization))
            .route(metadata::WELL_KNOWN, metadata.clone());
        if let Some(path) = metadata::path_with_suffix(&self.config.issuer) {
            router = router.route(&path, metadata);
        }
        router.with_state(Arc::new(self))
    }

    async fn answer(&self, request: Request, trace: TraceId) -> Response {
        let (head, body) = request.into_parts();
        let result = async {
            form::check_media_type(&head.headers)?;
            let form = Form::parse(&read(body).await?)?;
            grant::check_type(&form)?;
            let client = client::authenticate(&self.clients, &head.headers, &form).await?;
            grant::issue(&self.config, &self.signer, &client, &form)
                .map_err(|refusal| refusal.of_client(&client.id))
        };
        match result.await {
            Ok(issued) => {
                issued.log(trace);
                json(StatusCode::OK, &issued.body())
            }
            Err(refusal) => refusal.answer(trace),
        }
    }
}

async fn token<C: ClientLookup>(
    State(issuer): State<Arc<Issuer<C>>>,
    mut request: Request,
) -> Response {
    let trace = TraceId::of(request.extensions_mut());
    issuer.answer(request, trace).await
}

async fn read(body: Body) -> Result<axum::body::Bytes, Refusal> {
    to_bytes(body, MAX_BODY).await.map_err(|_| {
        Refusal::invalid_request("the body could not be read or is larger than 16 KiB")
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    })
}

async fn only_post() -> Response {
    let refusal =
        Refusal::invalid_request("send the request with POST, the parameters in the body")
            .with_status(StatusCode::METHOD_NOT_ALLOWED);
    ([(ALLOW, "POST")], refusal.into_response()).into_response()
}

async fn no_authorization() -> Response {
    Refusal::unsupported_response_type().into_response()
}

/// Never to be kept by anything on the way (RFC 6749 §5.1).
fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    let headers =
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    (status, headers, body.to_string()).into_response()
}
