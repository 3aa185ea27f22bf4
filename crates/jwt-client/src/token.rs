//! A token, and when to get another.

use client::{Credential, Credentials, Error, Pending};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::cache::Cache;
use crate::endpoint::TokenEndpoint;

/// A token with less than this left, in seconds, is not begun with any more.
const MARGIN: i64 = 30;

/// An access token and the moment it ends.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) secret: SecretString,
    /// Seconds since 1970.
    pub(crate) expires_at: i64,
}

/// Hands out a token that is good for the next request.
pub(crate) struct Tokens {
    endpoint: TokenEndpoint,
    cache: Cache,
    /// Held while a token is fetched, so that requests side by side fetch one.
    held: Mutex<Option<Token>>,
}

impl Token {
    pub(crate) fn is_fresh(&self) -> bool {
        self.expires_at - Timestamp::now().as_second() >= MARGIN
    }
}

impl Tokens {
    pub(crate) fn new(endpoint: TokenEndpoint, cache: Cache) -> Self {
        Self { endpoint, cache, held: Mutex::default() }
    }

    async fn fetch(&self, held: &mut Option<Token>) -> Result<Credential, Error> {
        let token = self.endpoint.fetch().await?;
        if let Err(error) = self.cache.write(&token) {
            // The token is good all the same; only the next command has to fetch its own.
            client::note(&format!("Warning: the token is not kept. {error}"));
        }
        let credential = Credential::bearer(token.secret.clone())?;
        *held = Some(token);
        Ok(credential)
    }
}

impl Credentials for Tokens {
    fn current(&self) -> Pending<'_, Option<Credential>> {
        Box::pin(async {
            let mut held = self.held.lock().await;
            if held.is_none() {
                *held = self.cache.read()?;
            }
            match held.as_ref().filter(|token| token.is_fresh()) {
                Some(token) => Credential::bearer(token.secret.clone()).map(Some),
                None => self.fetch(&mut held).await.map(Some),
            }
        })
    }

    fn renew<'a>(&'a self, refused: &'a Credential) -> Pending<'a, Option<Credential>> {
        Box::pin(async {
            let mut held = self.held.lock().await;
            if let Some(token) = held.as_ref() {
                let current = Credential::bearer(token.secret.clone())?;
                // Another request has renewed it while this one was under way.
                if current != *refused {
                    return Ok(Some(current));
                }
            }
            self.fetch(&mut held).await.map(Some)
        })
    }

    fn forget(&self) -> Result<Option<String>, Error> {
        self.cache.remove()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_about_to_expire_is_not_fresh() {
        let in_seconds = |seconds| Token {
            secret: "t".into(),
            expires_at: Timestamp::now().as_second() + seconds,
        };
        assert!(in_seconds(MARGIN + 5).is_fresh());
        assert!(!in_seconds(MARGIN - 5).is_fresh());
        assert!(!in_seconds(-5).is_fresh());
    }
}
