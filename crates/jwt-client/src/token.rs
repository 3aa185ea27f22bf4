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
        self.left() >= MARGIN
    }

    fn is_over(&self) -> bool {
        self.left() <= 0
    }

    /// Seconds until it ends.
    fn left(&self) -> i64 {
        self.expires_at.saturating_sub(Timestamp::now().as_second())
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

    fn kept(&self) -> Pending<'_, Option<Credential>> {
        Box::pin(async {
            let token = self.cache.read()?.filter(|token| !token.is_over());
            token.map(|token| Credential::bearer(token.secret)).transpose()
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

    fn forget(&self) -> Pending<'_, Option<String>> {
        Box::pin(async {
            let mut held = self.held.lock().await;
            // One that cannot be read cannot be given back, but it can be removed.
            let token = held.take().or_else(|| self.cache.read().ok().flatten());
            // Removed first: whatever the server answers, it is not used here again.
            let removed = self.cache.remove()?;
            let Some(token) = token.filter(|token| !token.is_over()) else { return Ok(removed) };
            let removed = removed.unwrap_or_else(|| "No token was kept.".to_owned());
            Ok(Some(match self.endpoint.revoke(&token.secret).await {
                Ok(()) => format!("{removed} The server has revoked it."),
                Err(error) => format!(
                    "{removed} The server has not revoked it: {error}. Unless its client was \
                     revoked, it is good for {} s more.",
                    token.left()
                ),
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse as _;
    use axum::routing::post;
    use client::parse_url;
    use secrecy::ExposeSecret as _;
    use tempfile::TempDir;

    use super::*;
    use crate::account::Account;

    /// A token endpoint that numbers its tokens, the folder they are kept in, and the count.
    struct Site {
        url: String,
        keys: TempDir,
        issued: Arc<AtomicUsize>,
    }

    impl Site {
        async fn new(life: i64) -> Self {
            let issued = Arc::<AtomicUsize>::default();
            let count = Arc::clone(&issued);
            let token = move |form: String| async move {
                if !form.contains("grant_type=client_credentials") || !form.contains("resource=") {
                    return StatusCode::BAD_REQUEST.into_response();
                }
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let body = format!(
                    r#"{{"access_token":"token-{number}","token_type":"Bearer","expires_in":{life}}}"#
                );
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("http://{}", listener.local_addr().expect("it is bound"));
            let app = Router::new().route("/token", post(token));
            tokio::spawn(async move { axum::serve(listener, app).await });
            Self { url, keys: TempDir::new().expect("a folder"), issued }
        }

        fn tokens(&self) -> Tokens {
            let url = parse_url(&format!("{}/token", self.url)).expect("a URL");
            let account = Account { id: "bob".into(), secret: "s".into() };
            let resource = format!("{}/mcp", self.url);
            let cache = Cache::new(self.keys.path(), &resource, &url, &account, None);
            let http = client::http_client(&url).expect("it");
            Tokens::new(TokenEndpoint::new(http, url, account, resource, None), cache)
        }

        fn issued(&self) -> usize {
            self.issued.load(Ordering::SeqCst)
        }
    }

    async fn current(tokens: &Tokens) -> Credential {
        tokens.current().await.expect("an answer").expect("a token")
    }

    #[tokio::test]
    async fn requests_side_by_side_fetch_one_token_and_renew_it_once() {
        let site = Site::new(3600).await;
        let tokens = Arc::new(site.tokens());
        let together = (0..8).map(|_| {
            let tokens = Arc::clone(&tokens);
            tokio::spawn(async move {
                let first = current(&tokens).await;
                tokens.renew(&first).await.unwrap().unwrap().secret().expose_secret().to_owned()
            })
        });
        for task in together.collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap(), "token-2");
        }
        assert_eq!(site.issued(), 2);
    }

    #[tokio::test]
    async fn the_next_command_finds_the_token_and_logout_drops_it() {
        let site = Site::new(3600).await;
        current(&site.tokens()).await;
        assert_eq!(current(&site.tokens()).await.secret().expose_secret(), "token-1");
        assert!(site.tokens().forget().await.unwrap().is_some());
        assert_eq!(current(&site.tokens()).await.secret().expose_secret(), "token-2");
    }

    #[tokio::test]
    async fn a_token_about_to_expire_is_replaced() {
        let site = Site::new(MARGIN - 1).await;
        current(&site.tokens()).await;
        current(&site.tokens()).await;
        assert_eq!(site.issued(), 2);
    }
}
