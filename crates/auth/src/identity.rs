//! Who is calling: all that authentication hands on.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;

use crate::guard::limit::Rate;

/// A caller whose credential has been verified.
///
/// This is the only thing that leaves authentication: no layer after it, and no
/// tool, sees a credential. Records and sessions belong to [`Identity::owner`],
/// never to a display name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The scheme that verified the credential, as [`Scheme::name`](crate::authn::Scheme::name) gives it.
    pub scheme: &'static str,
    /// Who vouches for the user: a token's `iss`, or the key store's own name.
    pub issuer: String,
    /// The user, unique within the issuer: a token's `sub`, or the owner a key was given.
    pub user: String,
    /// The number by which the issuer's other systems know the user, if it says (claim `id`).
    pub user_number: Option<String>,
    /// A name to show people. It decides nothing.
    pub name: Option<String>,
    /// The program that calls: a token's `client_id` (RFC 9068 §2.2), or the chain a key belongs to.
    pub client: String,
    /// Names this one credential in logs: a key's id, or a token's `jti`. Never a secret.
    pub credential: String,
    /// Roles, matched exactly (claim `job_role`, or the role of a key).
    pub roles: Vec<String>,
    /// Scopes (RFC 6749 §3.3) that the token was issued with.
    pub scopes: Vec<String>,
    /// Rules in the form of [`Rule`](crate::authz::Rule) that this one key was given.
    pub grants: Vec<String>,
    /// Whether this one credential may call tools that change nothing alone (MCP annotation
    /// `readOnlyHint`), whatever else it was given.
    pub read_only: bool,
    /// How often this one credential may ask, if that is less than the server lets everybody.
    pub rate: Option<Rate>,
    /// When it was issued (claim `iat`, or when a key was made), if that is known.
    pub issued: Option<Timestamp>,
    /// The key that signed it (`kid`, RFC 7515 §4.1.4); `None` if nothing did.
    pub key: Option<String>,
    /// The moment the credential ends; `None` if it has no end.
    pub expires: Option<Timestamp>,
}

impl Identity {
    /// A caller with no rights and no end. The rest is set field by field.
    pub fn new(scheme: &'static str, issuer: impl Into<String>, user: impl Into<String>) -> Self {
        let user = user.into();
        Self {
            scheme,
            issuer: issuer.into(),
            user_number: None,
            name: None,
            client: user.clone(),
            credential: user.clone(),
            user,
            roles: Vec::new(),
            scopes: Vec::new(),
            grants: Vec::new(),
            read_only: false,
            rate: None,
            issued: None,
            key: None,
            expires: None,
        }
    }

    /// Whose records and sessions these are: (issuer, user).
    pub fn owner(&self) -> (&str, &str) {
        (&self.issuer, &self.user)
    }

    /// The identity that a layer put into a request, if authentication ran.
    pub fn of(extensions: &http::Extensions) -> Option<&Arc<Self>> {
        extensions.get::<Arc<Self>>()
    }
}

/// The same caller, whichever credential it shows: (issuer, user, client). A token that was
/// renewed, or a key that was rotated, changes nothing about it.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Arc<Identity>);

impl Caller {
    pub(crate) fn of(identity: &Arc<Identity>) -> Self {
        Self(Arc::clone(identity))
    }

    fn key(&self) -> (&str, &str, &str) {
        (&self.0.issuer, &self.0.user, &self.0.client)
    }
}

impl PartialEq for Caller {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Caller {}

impl Hash for Caller {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
