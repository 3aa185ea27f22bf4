//! The one thing in which the three clients differ.

use std::fmt;
use std::pin::Pin;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// The future of a [`Credentials`] method.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Where the credential of each request comes from.
pub trait Credentials: Send + Sync {
    /// The credential for the next request; `None` sends none.
    ///
    /// # Errors
    /// What the user is to do when there is no credential to be had.
    fn current(&self) -> Pending<'_, Option<Credential>>;

    /// The credential that there is already; `None` if one would have to be fetched.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn kept(&self) -> Pending<'_, Option<Credential>> {
        self.current()
    }

    /// Called once when `refused` got a 401. Returns another credential, or `None` if there
    /// is no other and the refusal stands.
    fn renew<'a>(&'a self, refused: &'a Credential) -> Pending<'a, Option<Credential>> {
        let _ = refused;
        Box::pin(async { Ok(None) })
    }

    /// Drops what is kept on disk of a credential, has it revoked where that can be done, and
    /// says what came of it.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    fn forget(&self) -> Pending<'_, Option<String>> {
        Box::pin(async { Ok(None) })
    }
}

/// A credential and the header it travels in. `Debug` shows the header's name alone.
#[derive(Clone)]
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
    secret: SecretString,
}

/// No credential: what an unprotected server is called with.
#[derive(Clone, Copy, Debug)]
pub struct Anonymous;

impl Credential {
    /// `X-API-Key: <key>`.
    ///
    /// # Errors
    /// When `key` holds what a header cannot.
    pub fn api_key(key: SecretString) -> Result<Self, Error> {
        let value = key.expose_secret().to_owned();
        Self::new(HeaderName::from_static("x-api-key"), &value, key)
    }

    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    ///
    /// # Errors
    /// When `token` holds what a header cannot.
    pub fn bearer(token: SecretString) -> Result<Self, Error> {
        let value = format!("Bearer {}", token.expose_secret());
        Self::new(AUTHORIZATION, &value, token)
    }

    fn new(name: HeaderName, value: &str, secret: SecretString) -> Result<Self, Error> {
        let unusable = || {
            Error::Usage(
                "The credential is empty or holds characters that no header carries: \
                 it is one line of letters, digits and signs."
                    .into(),
            )
        };
        let plain = secret.expose_secret();
        if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable());
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
        // Keeps it out of every log that prints headers.
        value.set_sensitive(true);
        Ok(Self { name, value, secret })
    }

    /// The header's name, in lower case.
    pub fn header_name(&self) -> &HeaderName {
        &self.name
    }

    /// The header's value, marked as sensitive.
    pub fn header_value(&self) -> &HeaderValue {
        &self.value
    }

    /// The credential alone, as `credential` prints it.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The whole line, as `credential --header` prints it for `curl -H @-`.
    pub fn header_line(&self) -> SecretString {
        let secret = self.secret.expose_secret();
        if self.name == AUTHORIZATION {
            format!("Authorization: Bearer {secret}").into()
        } else {
            format!("X-API-Key: {secret}").into()
        }
    }
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("header", &self.name).finish_non_exhaustive()
    }
}

/// A credential that stays the same needs no more than itself.
impl Credentials for Credential {
    fn current(&self) -> Pending<'_, Option<Credential>> {
        Box::pin(async { Ok(Some(self.clone())) })
    }
}

impl Credentials for Anonymous {
    fn current(&self) -> Pending<'_, Option<Credential>> {
        Box::pin(async { Ok(None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_are_ready_for_curl() {
        let key = Credential::api_key("mcpk_a_b".into()).unwrap();
        assert_eq!(key.header_line().expose_secret(), "X-API-Key: mcpk_a_b");
        let token = Credential::bearer("a.b.c".into()).unwrap();
        assert_eq!(token.header_line().expose_secret(), "Authorization: Bearer a.b.c");
        assert_eq!(token.header_value(), "Bearer a.b.c");
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = Credential::bearer("very-secret".into()).unwrap();
        assert!(!format!("{token:?}").contains("very-secret"));
    }

    #[test]
    fn a_credential_of_two_lines_is_refused() {
        assert!(Credential::bearer("a\r\nX-Other: b".into()).is_err());
        assert!(Credential::api_key("".into()).is_err());
    }
}
