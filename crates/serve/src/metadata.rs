//! Where a token for this server is to be had (RFC 9728).

use axum::routing::get;
use axum::{Json, Router};
use mcp_auth::Live;
use mcp_auth::authz::Policy;
use serde_json::{Value, json};

use crate::PublicUrl;

const PATH: &str = "/.well-known/oauth-protected-resource";

/// The OAuth 2.0 protected resource metadata of an MCP endpoint (RFC 9728 §2).
///
/// All of it is configuration; nothing is taken from a request.
#[derive(Clone, Debug, Default)]
pub struct ResourceMetadata {
    /// Issuers whose tokens are accepted. Left out when none was configured.
    pub authorization_servers: Vec<String>,
    /// The policy whose scopes are `scopes_supported`: those that it has when somebody asks. Left
    /// out when there are none (RFC 9728 §3.2).
    pub scopes: Option<Live<Policy>>,
}

impl ResourceMetadata {
    /// The URL of the document, for challenges (RFC 9728 §5.1).
    pub fn url(url: &PublicUrl) -> String {
        format!("{}{PATH}/mcp", url.origin())
    }

    /// The document at the path that belongs to `/mcp`, and the same at the root, where some
    /// clients look first.
    pub fn router(&self, url: &PublicUrl) -> Router {
        let (metadata, url) = (self.clone(), url.clone());
        let serve = get(async move || Json(metadata.document(&url)));
        Router::new().route(PATH, serve.clone()).route(&format!("{PATH}/mcp"), serve)
    }

    fn document(&self, url: &PublicUrl) -> Value {
        let mut document = json!({ "resource": url.mcp(), "bearer_methods_supported": ["header"] });
        let policy = self.scopes.as_ref().map(Live::current);
        let scopes = policy.as_ref().map(|policy| policy.scopes()).unwrap_or_default();
        if !self.authorization_servers.is_empty() {
            document["authorization_servers"] = json!(self.authorization_servers);
        }
        if !scopes.is_empty() {
            document["scopes_supported"] = json!(scopes);
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_configured_is_left_out() {
        let url: PublicUrl = "https://mcp.example".parse().unwrap();
        assert_eq!(
            ResourceMetadata::default().document(&url),
            json!({
                "resource": "https://mcp.example/mcp",
                "bearer_methods_supported": ["header"]
            })
        );
        assert_eq!(
            ResourceMetadata::url(&url),
            "https://mcp.example/.well-known/oauth-protected-resource/mcp"
        );
    }
}
