//! What a client gets: a token for this server alone, with no more scopes than it has.

use http::Uri;
use jiff::Timestamp;
use mcp_auth::TraceId;
use mcp_auth::authn::client::ClientRecord;
use mcp_auth::authn::jwt::{Claims, Signer};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::IssuerConfig;
use crate::form::Form;
use crate::refusal::Refusal;

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
pub(crate) fn check_type(form: &Form) -> Result<(), Refusal> {
    match form.get("grant_type") {
        Some(GRANT_TYPE) => Ok(()),
        Some(_) => Err(Refusal::unsupported_grant_type()),
        None => Err(Refusal::invalid_request("grant_type is missing; send client_credentials")),
    }
}

/// # Errors
/// The scopes are more than the client has, or the token would be for another server.
pub(crate) fn issue(
    config: &IssuerConfig,
    signer: &Signer,
    client: &ClientRecord,
    form: &Form,
) -> Result<Issued, Refusal> {
    check_resources(config, form.resources())?;
    let scopes = scopes(form.get("scope"), &client.scopes)?;
    let expires_in = config.token_ttl.as_secs();
    let now = Timestamp::now().as_second();
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

    pub(crate) fn log(&self, trace: TraceId) {
        tracing::debug!(
            target: "audit",
            decision = "issued",
            trace_id = %trace,
            client_id = self.claims.client_id,
            user = self.claims.sub,
            credential = self.claims.jti,
            scope = self.claims.scope,
        );
    }
}

/// What was asked for, or all there is if nothing was.
fn scopes<'a>(asked: Option<&'a str>, granted: &'a [String]) -> Result<Vec<&'a str>, Refusal> {
    let Some(asked) = asked else {
        return Ok(granted.iter().map(String::as_str).collect());
    };
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split(' ') {
        // A scope that there is and one that there is not are told the same.
        if !granted.iter().any(|granted| granted == scope) {
            return Err(Refusal::invalid_scope());
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

fn check_resources(config: &IssuerConfig, asked: &[String]) -> Result<(), Refusal> {
    let ours = |asked: &String| {
        same_resource(asked, &config.resource) || same_resource(asked, &config.audience)
    };
    if asked.iter().all(ours) {
        return Ok(());
    }
    Err(Refusal::invalid_target(&config.resource))
}

/// Absolute, without a fragment (RFC 8707 §2), and equal but for the case of scheme and host.
fn same_resource(asked: &str, ours: &str) -> bool {
    let parse = |text: &str| {
        // `Uri` would drop a fragment without a word.
        let uri: Uri = text.parse().ok().filter(|_| !text.contains('#'))?;
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?.as_str());
        Some((origin.to_ascii_lowercase(), uri.path_and_query()?.as_str().to_owned()))
    };
    parse(asked).is_some_and(|asked| parse(ours) == Some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_ours_or_it_is_not() {
        let ours = "http://127.0.0.1:8102/mcp";
        for same in ["http://127.0.0.1:8102/mcp", "HTTP://127.0.0.1:8102/mcp"] {
            assert!(same_resource(same, ours), "{same}");
        }
        assert!(same_resource("https://EXAMPLE.com/mcp", "https://example.com/mcp"));
        for other in [
            "http://127.0.0.1:8102/mcp/",
            "http://127.0.0.1:8102/MCP",
            "http://127.0.0.1:8102/mcp#a",
            "http://127.0.0.1:8102/mcp?a",
            "http://127.0.0.1:8103/mcp",
            "https://127.0.0.1:8102/mcp",
            "http://bob@127.0.0.1:8102/mcp",
            "/mcp",
            "my-mcp-server",
            "",
        ] {
            assert!(!same_resource(other, ours), "{other}");
        }
        assert!(!same_resource("my-mcp-server", "my-mcp-server"));
    }

    #[test]
    fn no_more_scopes_than_there_are() {
        let granted = ["a:read".to_owned(), "b:read".to_owned()];
        assert_eq!(scopes(None, &granted).ok().unwrap(), ["a:read", "b:read"]);
        assert_eq!(scopes(Some("b:read b:read"), &granted).ok().unwrap(), ["b:read"]);
        for asked in ["c:read", "a:read c:read", "a:read  b:read", " a:read", "A:read", "a:*"] {
            assert!(scopes(Some(asked), &granted).is_err(), "{asked}");
        }
    }
}
