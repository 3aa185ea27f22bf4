//! Tokens: asked for at `/token`, read, changed, and signed anew with other claims.

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mcp_auth::authn::jwt::Claims;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Kind, Side};

/// What a token endpoint answered.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body: a token, or an error (RFC 6749 §5).
    pub body: Value,
}

/// Id and secret of a client, as they lie in its file.
#[derive(Deserialize)]
pub(crate) struct ClientFile {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// Asks for a token with client credentials (RFC 6749 §4.4, `client_secret_post`).
///
/// # Errors
/// The endpoint does not answer, or not with JSON. A refusal is an answer.
pub async fn ask_for_token(
    http: &reqwest::Client,
    origin: &str,
    id: &str,
    secret: &str,
) -> anyhow::Result<TokenAnswer> {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let response = client::send(http.post(format!("{origin}/token")).form(&form)).await?;
    let status = response.status().as_u16();
    let body = response.json().await.context("the token endpoint did not answer with JSON")?;
    Ok(TokenAnswer { status, body })
}

/// Takes a token back (RFC 7009 §2.1); the status that was answered.
///
/// # Errors
/// The endpoint does not answer.
pub(crate) async fn revoke_token(
    http: &reqwest::Client,
    origin: &str,
    (id, secret): (&str, &str),
    token: &client::Credential,
) -> anyhow::Result<u16> {
    use secrecy::ExposeSecret;
    let token = token.secret().expose_secret();
    let form = [("token", token), ("client_id", id), ("client_secret", secret)];
    let response = client::send(http.post(format!("{origin}/revoke")).form(&form)).await?;
    Ok(response.status().as_u16())
}

impl TokenAnswer {
    /// The token, if it is one.
    ///
    /// # Errors
    /// It was refused.
    pub fn token(&self) -> anyhow::Result<&str> {
        match self.body["access_token"].as_str() {
            Some(token) => Ok(token),
            None => bail!("no token, but {} {}", self.status, self.body),
        }
    }
}

/// The claims of a token, whoever signed it.
pub(crate) fn claims(token: &str) -> anyhow::Result<Claims> {
    let payload = token.split('.').nth(1).context("a token has three parts")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// The same claims, which ended an hour ago.
pub(crate) fn ended(claims: &Claims) -> Claims {
    let now = Timestamp::now().as_second();
    Claims { iat: Some(now - 7200), exp: now - 3600, ..claims.clone() }
}

/// The same token with one claim changed, under the signature of the old one.
pub(crate) fn tampered(token: &str, claim: &str, value: &str) -> anyhow::Result<String> {
    let (message, signature) = token.rsplit_once('.').context("a token has three parts")?;
    let (header, payload) = message.split_once('.').context("a token has three parts")?;
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    claims[claim] = json!(value);
    Ok(format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string())))
}

/// Claims as an issuer of the RBAC server puts them into a token.
pub(crate) fn role_claims(user: &str, number: &str, role: &str) -> Claims {
    let now = Timestamp::now().as_second();
    Claims {
        iss: rbac_server::DEFAULT_ISSUER.to_owned(),
        aud: rbac_server::DEFAULT_AUDIENCE.into(),
        sub: user.to_owned(),
        iat: Some(now),
        exp: now + 2 * 3600,
        jti: Some(uuid::Uuid::now_v7().to_string()),
        client_id: Some("compare".to_owned()),
        job_role: Some(role.to_owned()),
        id: Some(number.to_owned()),
        name: Some(user.to_owned()),
        ..Claims::default()
    }
}

/// Claims of bob's at the server of this URL: its own, where it issues its tokens itself.
pub(crate) fn bobs_claims(kind: Kind, url: &str) -> Claims {
    let role = role_claims("bob", "1", "Officer");
    match kind {
        Kind::ApiKey | Kind::Rbac => role,
        Kind::Jwt => Claims {
            iss: url.strip_suffix("/mcp").unwrap_or(url).to_owned(),
            aud: url.into(),
            exp: Timestamp::now().as_second() + 1800,
            scope: Some("weather:read".to_owned()),
            ..role
        },
    }
}

/// The URL with a credential in its query.
pub(crate) fn in_query(side: &Side) -> String {
    use secrecy::ExposeSecret;
    let name = match side.kind {
        Kind::ApiKey => "api_key",
        Kind::Jwt | Kind::Rbac => "access_token",
    };
    format!("{}?{name}={}", side.url, side.bob.secret().expose_secret())
}
