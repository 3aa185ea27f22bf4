//! Where everything is (RFC 8414 §2).

use http::Uri;
use serde_json::{Value, json};

use crate::IssuerConfig;
use crate::grant::GRANT_TYPE;

pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// An issuer with a path has its document at the well-known path followed by its own (§3.1).
pub(crate) fn path_with_suffix(issuer: &str) -> Option<String> {
    let uri: Uri = issuer.parse().ok()?;
    let path = uri.path().trim_end_matches('/');
    (!path.is_empty() && !is_router_pattern(path)).then(|| format!("{WELL_KNOWN}{path}"))
}

/// Whether the path of a URL would be more than itself to a router, so that nothing can be
/// served there: it has braces or `*`, or a segment that begins with `:`.
pub fn is_router_pattern(path: &str) -> bool {
    path.contains(['{', '}', '*']) || path.contains("/:")
}

/// `client_secret_basic` first: it is what RFC 8414 §2 takes for granted.
const AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

pub(crate) fn document(config: &IssuerConfig, revocation: bool) -> Value {
    let IssuerConfig { issuer, public_url, scopes_supported, .. } = config;
    let mut document = json!({
        "issuer": issuer,
        // Nobody can log in here, but clients (rmcp's among them) cannot read metadata without it.
        "authorization_endpoint": format!("{public_url}/authorize"),
        "token_endpoint": format!("{public_url}/token"),
        "response_types_supported": ["code"],
        "grant_types_supported": [GRANT_TYPE],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "code_challenge_methods_supported": ["S256"],
    });
    if revocation {
        document["revocation_endpoint"] = format!("{public_url}/revoke").into();
        document["revocation_endpoint_auth_methods_supported"] = AUTH_METHODS.as_slice().into();
    }
    // An empty array is left out (RFC 8414 §3.2).
    if !scopes_supported.is_empty() {
        document["scopes_supported"] = scopes_supported.as_slice().into();
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_issuer_follows_the_well_known_one() {
        assert_eq!(path_with_suffix("https://example.com"), None);
        assert_eq!(path_with_suffix("https://example.com/"), None);
        let path = path_with_suffix("https://example.com/tenant").unwrap();
        assert_eq!(path, "/.well-known/oauth-authorization-server/tenant");
        let path = path_with_suffix("https://example.com/a:b").unwrap();
        assert_eq!(path, "/.well-known/oauth-authorization-server/a:b");
    }

    #[test]
    fn a_path_that_a_router_would_not_take_is_left_out() {
        for path in [":x", "a/:x/b", "*", "a/*x", "{x}", "a{", ":"] {
            let issuer = format!("https://example.com/{path}");
            if let Some(path) = path_with_suffix(&issuer) {
                // It panics at what it takes for a mistake.
                let _ = axum::Router::<()>::new().route(&path, axum::routing::get(|| async {}));
            }
            assert_eq!(path_with_suffix(&issuer), None, "{path}");
        }
    }
}
