//! `POST /token` (RFC 6749 §4.4): client credentials in, an access token out.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{Error, Refusal, Url, read_json, send};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::account::Account;
use crate::token::Token;

/// Without `expires_in` (RFC 6749 §5.1 recommends it only), a token is used this long, in seconds.
const ASSUMED_LIFE: i64 = 60;

/// Where tokens are to be had, and what for.
pub(crate) struct TokenEndpoint {
    pub(crate) http: reqwest::Client,
    pub(crate) url: Url,
    pub(crate) account: Account,
    pub(crate) revocation: Revocation,
    resource: String,
    scope: Option<String>,
}

/// Where tokens are given back.
#[derive(Clone, Debug)]
pub(crate) enum Revocation {
    /// As the metadata beside the token endpoint says; without metadata, beside it.
    Beside,
    /// There.
    At(Url),
    /// Nowhere: who issues the tokens takes none back.
    Nowhere,
}

#[derive(Deserialize)]
struct Answer {
    access_token: SecretText,
    token_type: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct SecretText(String);

impl TokenEndpoint {
    /// `http` is a client for this URL.
    pub(crate) fn new(
        http: reqwest::Client,
        url: Url,
        account: Account,
        resource: String,
        scope: Option<String>,
    ) -> Self {
        Self { http, url, account, revocation: Revocation::Beside, resource, scope }
    }

    /// The same, giving tokens back there.
    pub(crate) fn revoking(self, revocation: Revocation) -> Self {
        Self { revocation, ..self }
    }

    /// Fetches a token. An error that the endpoint words itself (§5.2) is a refusal.
    pub(crate) async fn fetch(&self) -> Result<Token, Error> {
        let mut form = vec![("grant_type", "client_credentials"), ("resource", &*self.resource)];
        if let Some(scope) = &self.scope {
            form.push(("scope", scope));
        }
        let request = self.http.post(self.url.clone()).header(ACCEPT, "application/json");
        let request = request.header(AUTHORIZATION, basic(&self.account)?).form(&form);
        // Asked before sending, so that the time on the way shortens its life and not ours.
        let now = Timestamp::now().as_second();
        let response = send(request).await?;
        if !response.status().is_success() {
            let refusal = Refusal::read(response).await;
            // Without an error code it is not a token endpoint that answers (§5.2).
            if refusal.status == 404 && refusal.error.is_none() {
                return Err(self.unexpected());
            }
            return Err(self.refused(refusal).into());
        }
        let answer: Answer = read_json(response, || self.unexpected()).await?;
        if !answer.token_type.eq_ignore_ascii_case("bearer") {
            return Err(self.unexpected());
        }
        let life = answer.expires_in.unwrap_or(ASSUMED_LIFE).max(0);
        let secret = SecretString::from(answer.access_token.0);
        Ok(Token { secret, expires_at: now.saturating_add(life) })
    }

    /// The endpoint's own words, and what to do about each error code.
    fn refused(&self, mut refusal: Refusal) -> Refusal {
        let advice = match refusal.error.as_deref() {
            Some("invalid_client") => {
                "The server does not know these client credentials. Make others: \
                 cargo run -p keygen -- client create --help"
            }
            Some("invalid_scope") => {
                "Ask for a scope that this client may have, or leave --scope out."
            }
            Some("invalid_target") => {
                "Use the server's URL exactly as it prints it, or give --resource."
            }
            Some("unauthorized_client" | "unsupported_grant_type") => {
                "This endpoint issues no tokens to such a client: check --token-url."
            }
            _ => return refusal,
        };
        refusal.how_to_fix = Some(advice.to_owned());
        refusal
    }

    fn unexpected(&self) -> Error {
        let url = &self.url;
        Error::Unexpected(format!(
            "There is no token endpoint at {url}; check --url and --token-url."
        ))
    }
}

/// client_secret_basic (RFC 6749 §2.3.1): both halves form-encoded, then joined.
pub(crate) fn basic(account: &Account) -> Result<HeaderValue, Error> {
    let secret = form_encoded(account.secret.expose_secret());
    let pair = SecretString::from(format!("{}:{secret}", form_encoded(&account.id)));
    let value = format!("Basic {}", BASE64_STANDARD.encode(pair.expose_secret()));
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| Error::Usage("The client credentials fit into no header.".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// application/x-www-form-urlencoded, as RFC 6749 appendix B has it.
fn form_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_encoded_before_they_are_joined() {
        let account = Account { id: "a:b c".into(), secret: "s%/é".into() };
        let value = basic(&account).unwrap();
        assert!(value.is_sensitive());
        let coded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
        let pair = BASE64_STANDARD.decode(coded).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), "a%3Ab+c:s%25%2F%C3%A9");
    }
}
