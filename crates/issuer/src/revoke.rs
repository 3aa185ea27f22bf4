//! Takes a token back (RFC 7009).
//!
//! A client takes back its own tokens and no others. What is no token, or is one no more, is
//! answered like one that was taken back (§2.2): the client has what it wanted. The live token
//! of another client is a 400 (§2.1), and not a 200 that would leave its holder thinking that
//! it is dead. That tells nobody anything new: whoever holds a live token can show it to the
//! protected server and see that it is live.

use std::sync::Arc;

use http::Extensions;
use mcp_auth::audit::{self, Basis, Outcome, Ruling};
use mcp_auth::authn::client::ClientRecord;
use mcp_auth::authn::credential::MAX_LENGTH;
use mcp_auth::authn::jwt::{JwtVerifier, KeySet, Revoke, RevokedToken};
use mcp_auth::{Identity, Live, Rejection};

use crate::parameters::Parameters;
use crate::refusal::Refusal;

/// What it takes to take a token back.
pub(crate) struct Revocation {
    pub(crate) verifier: JwtVerifier<Live<KeySet>>,
    pub(crate) revoked: Arc<dyn Revoke>,
}

/// # Errors
/// There is none. A `token_type_hint` is not asked for: all tokens here are access tokens.
pub(crate) fn token(parameters: &Parameters) -> Result<&str, Refusal> {
    parameters
        .get("token")
        .ok_or_else(|| Refusal::invalid_request("token is missing; send the one to be revoked"))
}

impl Revocation {
    /// # Errors
    /// It is another client's, or cannot be taken back now.
    pub(crate) async fn revoke(
        &self,
        client: &ClientRecord,
        token: &str,
        extensions: &Extensions,
    ) -> Result<(), Refusal> {
        let identity = match self.verify(token) {
            Ok(identity) => identity,
            Err(rejection) if rejection.status().is_server_error() => {
                return Err(Refusal::not_revoked(rejection.reason().to_owned()));
            }
            Err(rejection) => {
                let reason = Some(format!("nothing to revoke: {}", rejection.reason()).into());
                let ruling = Ruling::allowed(Basis::Known);
                let client = Some(client.id.as_str());
                audit::decided(extensions, Ruling { client, reason, ..ruling });
                return Ok(());
            }
        };
        if identity.client != client.id {
            return Err(Refusal::foreign_token());
        }
        let end = identity.expires.and_then(|end| end.checked_add(self.verifier.leeway()).ok());
        let ends = end.ok_or_else(|| Refusal::not_revoked("the token has no end"))?;
        let token =
            RevokedToken { jti: identity.credential.clone(), client: client.id.clone(), ends };
        let revoked = Arc::clone(&self.revoked);
        // It may wait for the disk.
        match tokio::task::spawn_blocking(move || revoked.revoke(token)).await {
            Ok(Ok(())) => {
                let ruling = Ruling {
                    reason: Some("its client asked for it".into()),
                    client: Some(&client.id),
                    user: Some(&identity.user),
                    credential: Some(&identity.credential),
                    ..Ruling::new(Outcome::Revoked, Basis::Known)
                };
                audit::decided(extensions, ruling);
                Ok(())
            }
            Ok(Err(rejection)) => Err(Refusal::not_revoked(rejection.reason().to_owned())),
            Err(_) => Err(Refusal::not_revoked("what revokes tokens has panicked")),
        }
    }

    fn verify(&self, token: &str) -> Result<Arc<Identity>, Rejection> {
        if token.len() > MAX_LENGTH {
            return Err(Rejection::invalid_credential("the token is longer than 8 KiB"));
        }
        self.verifier.verify(token)
    }
}
