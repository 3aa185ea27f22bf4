//! What a client is told that would help it (`WWW-Authenticate`).

use std::borrow::Cow;

use http::HeaderValue;

use super::Kind;
use crate::Live;
use crate::authz::Policy;

/// What a client needs to come by a credential (RFC 6750 §3, RFC 9728 §5.1).
///
/// Built from configuration, never from a request.
#[derive(Clone, Debug, Default)]
pub struct Challenge {
    /// URL of the RFC 9728 document, if there is an authorization server to be found.
    pub resource_metadata: Option<String>,
    /// The policy whose scopes that only read are what to ask for: those that it has when a
    /// request is refused. `None`: no scope would help.
    pub scopes: Option<Live<Policy>>,
    /// One sentence for people: where the credential comes from.
    pub how_to_get_one: Cow<'static, str>,
}

impl Challenge {
    /// RFC 6750 §3: parameters separated by commas. `scope` stands before the description
    /// because clients search the value for it as text.
    pub(super) fn header(&self, kind: &Kind) -> Option<HeaderValue> {
        let first = || {
            let policy = self.scopes.as_ref()?.current();
            Some(policy.scopes_that_only_read().join(" ")).filter(|all| !all.is_empty())
        };
        let (error, scope, description) = match kind {
            Kind::NoCredential => (None, first(), None),
            Kind::MalformedCredential => (
                Some("invalid_request"),
                None,
                Some("exactly one well-formed credential is needed"),
            ),
            // Also with a 429 in its place, so that clients see what they have to renew.
            Kind::InvalidCredential | Kind::RevokedCredential | Kind::TooManyFailures { .. } => {
                (Some("invalid_token"), first(), Some("the credential is not valid"))
            }
            Kind::ExpiredCredential => {
                (Some("invalid_token"), first(), Some("the credential has expired"))
            }
            Kind::InsufficientScope { scopes, .. } => {
                (Some("insufficient_scope"), Some(scopes.join(" ")), None)
            }
            _ => return None,
        };
        let mut value = String::from("Bearer realm=\"mcp\"");
        let mut push = |name: &str, text: &str| {
            value.push_str(", ");
            value.push_str(name);
            value.push_str("=\"");
            value.push_str(text);
            value.push('"');
        };
        if let Some(error) = error {
            push("error", error);
        }
        if let Some(url) = &self.resource_metadata {
            push("resource_metadata", url);
        }
        if let Some(scope) = scope {
            push("scope", &scope);
        }
        if let Some(description) = description {
            push("error_description", description);
        }
        // Configuration that is no header value costs the challenge, not the refusal.
        HeaderValue::from_str(&value).ok()
    }
}
