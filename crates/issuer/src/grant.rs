//! What a client gets: a token for this server alone, with no more scopes than it has.

use jiff::Timestamp;
use mcp_auth::audit::{Basis, Outcome, Ruling};
use mcp_auth::authn::client::ClientRecord;
use mcp_auth::authn::jwt::{Claims, Signers};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::scope::ScopeClosure;
use crate::{IssuerConfig, resource, scope};

/// The only grant type there is (RFC 6749 §4.4).
pub(crate) const GRANT_TYPE: &str = "client_credentials";

/// A token that was issued. It has no `Debug`.
pub(crate) struct Issued {
    token: String,
    claims: Claims,
    expires_in: u64,
}

/// # Errors
/// `grant_type` is missing or another than [`GRANT_TYPE`].
pub(crate) fn check_type(parameters: &Parameters) -> Result<(), Refusal> {
    match parameters.get("grant_type") {
        Some(GRANT_TYPE) => Ok(()),
        Some(_) => Err(Refusal::unsupported_grant_type()),
        None => Err(Refusal::invalid_request("grant_type is missing; send client_credentials")),
    }
}

/// # Errors
/// The scopes are more than the client has, or the token would be for another server.
pub(crate) fn issue(
    config: &IssuerConfig,
    signers: &Signers,
    closure: &ScopeClosure,
    client: &ClientRecord,
    parameters: &Parameters,
) -> Result<Issued, Refusal> {
    resource::check(config, parameters.resources())?;
    let scopes = scope::grant(parameters.get("scope"), &client.scopes, closure)?;
    let expires_in = config.token_ttl.as_secs();
    let moment = Timestamp::now();
    let signer = signers.at(moment).ok_or_else(Refusal::no_signer)?;
    let now = moment.as_second();
    let claims = Claims {
        iss: config.issuer.clone(),
        sub: client.user.clone(),
        aud: config.audience.as_str().into(),
        exp: now.saturating_add(i64::try_from(expires_in).unwrap_or(i64::MAX)),
        iat: Some(now),
        jti: Some(Uuid::now_v7().to_string()),
        client_id: Some(client.id.clone()),
        scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
        id: client.user_number.clone(),
        name: client.name.clone(),
        ..Claims::default()
    };
    Ok(Issued { token: signer.mint(&claims), claims, expires_in })
}

impl Issued {
    /// The successful answer (RFC 6749 §5.1).
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "access_token": self.token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
        });
        if let Some(scope) = &self.claims.scope {
            body["scope"] = scope.as_str().into();
        }
        body
    }

    /// What was decided, for the audit.
    pub(crate) fn ruling(&self) -> Ruling<'_> {
        let basis = self.claims.scope.as_deref().map_or(Basis::Known, Basis::Scope);
        Ruling {
            client: self.claims.client_id.as_deref(),
            user: Some(&self.claims.sub),
            credential: self.claims.jti.as_deref(),
            ..Ruling::new(Outcome::Issued, basis)
        }
    }
}
