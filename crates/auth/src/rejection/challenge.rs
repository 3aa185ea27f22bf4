//! What a client is told that would help it (`WWW-Authenticate`).

use std::borrow::Cow;

use http::HeaderValue;

use super::Kind;

/// What a client needs to come by a credential (RFC 6750 §3, RFC 9728 §5.1).
///
/// Built from configuration, never from a request.
#[derive(Clone, Debug, Default)]
pub struct Challenge {
    /// URL of the RFC 9728 document, if there is an authorization server to be found.
    pub resource_metadata: Option<String>,
    /// The scopes to ask for, separated by spaces.
    pub scope: Option<String>,
    /// One sentence for people: where the credential comes from.
    pub how_to_get_one: Cow<'static, str>,
}

impl Challenge {
    /// RFC 6750 §3: parameters separated by commas. `scope` stands before the description
    /// because clients search the value for it as text.
    pub(super) fn header(&self, kind: &Kind) -> Option<HeaderValue> {
        let (error, scope, description) = match kind {
            Kind::NoCredential => (None, self.scope.clone(), None),
            Kind::MalformedCredential => (
                Some("invalid_request"),
                None,
                Some("exactly one well-formed credential is needed"),
            ),
            // Also with a 429 in its place, so that clients see what they have to renew.
            Kind::InvalidCredential | Kind::RevokedCredential | Kind::TooManyFailures { .. } => {
                (Some("invalid_token"), self.scope.clone(), Some("the credential is not valid"))
            }
            Kind::ExpiredCredential => {
                (Some("invalid_token"), self.scope.clone(), Some("the credential has expired"))
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
