//! A key set that an issuer serves (RFC 7517 §5).

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use http::header::ACCEPT;
use mcp_auth::authn::jwt::{KeySet, Keys, VerifyingKey, jwks};
use mcp_auth::{Live, Rejection};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio::sync::Mutex as Turn;

use super::source::is_loopback;

/// For the whole answer, however slowly it comes.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer in bytes. A key has about half a KiB, with its certificates five.
const LARGEST: usize = 256 * 1024;
/// How long after an issuer was asked because of a key that is not there it is not asked again:
/// anybody can name such keys.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// How soon it is asked again as long as nothing was ever loaded.
const AGAIN: Duration = Duration::from_secs(2);

/// The keys that an issuer said last. Clones are one.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Inner>);

struct Inner {
    url: Url,
    http: Client,
    refresh: Duration,
    /// `None`: never loaded.
    keys: Live<Option<KeySet>>,
    /// Who asks the issuer, and when somebody last did because a key was not there.
    asking: Turn<Option<Instant>>,
    /// The failure that was told last.
    told: Mutex<Option<String>>,
}

impl Remote {
    pub(crate) fn new(url: Url, refresh: Duration) -> anyhow::Result<Self> {
        let mut http = Client::builder()
            .user_agent(concat!("mcp-auth/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // The keys are where the operator said, and nowhere that an answer says.
            .redirect(Policy::none());
        if url.scheme() == "http" {
            http = http.tls_certs_only([]);
        }
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        let http = http.build().context(
            "the certificates of this machine cannot be loaded; install them, or give --jwks a file",
        )?;
        let (keys, asking, told) = (Live::from(None), Turn::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { url, http, refresh, keys, asking, told })))
    }

    /// Asks now, and then again and again for as long as somebody else has these keys.
    pub(crate) fn keep_up(&self) {
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(wait) = Inner::load_and_wait(&inner).await {
                tokio::time::sleep(wait).await;
            }
        });
    }
}

impl Keys for Remote {
    fn find(&self, kid: Option<&str>) -> Result<Option<Arc<VerifyingKey>>, Rejection> {
        match &*self.0.keys.current() {
            Some(keys) => keys.find(kid),
            None => Err(Rejection::unavailable(AGAIN, "the issuer's key set was never loaded")),
        }
    }

    /// One asks, and who comes meanwhile waits for what that brings.
    async fn newer(&self) -> bool {
        let before = self.0.keys.current();
        let inner = Arc::clone(&self.0);
        // On a task of its own: a caller who hangs up takes nothing from those who wait.
        let asking = tokio::spawn(async move {
            let mut last = inner.asking.lock().await;
            if Arc::ptr_eq(&before, &inner.keys.current())
                && last.is_none_or(|last| last.elapsed() >= COOL_DOWN)
            {
                inner.load().await;
                *last = Some(Instant::now());
            }
        });
        // Also where nobody was asked: the key may have come just before this began.
        asking.await.is_ok()
    }
}

impl Inner {
    /// `None` if nobody has the keys any more.
    async fn load_and_wait(weak: &Weak<Self>) -> Option<Duration> {
        let inner = weak.upgrade()?;
        let turn = inner.asking.lock().await;
        inner.load().await;
        drop(turn);
        Some(if inner.keys.current().is_some() { inner.refresh } else { AGAIN })
    }

    /// Keeps what there is if there is nothing better.
    async fn load(&self) {
        let failure = match self.fetch().await {
            Ok(keys) => {
                self.keys.replace(Some(keys));
                None
            }
            Err(error) => Some(format!("{error:#}")),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if failure == *told {
            return;
        }
        match &failure {
            Some(error) => {
                let loaded = self.keys.current().is_some();
                let stays = if loaded { "the one before stays" } else { "no token is taken" };
                tracing::error!(url = %self.url, error, "the key set was not loaded; {stays}");
            }
            None => tracing::info!(url = %self.url, "the key set can be loaded again"),
        }
        *told = failure;
    }

    async fn fetch(&self) -> anyhow::Result<KeySet> {
        let accept = format!("{}, application/json", jwks::MEDIA_TYPE);
        let request = self.http.get(self.url.clone()).header(ACCEPT, accept);
        let mut answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        if status.is_redirection() {
            bail!(
                "it is answered with {status}, and redirects are not followed; name the place itself"
            );
        }
        if status != StatusCode::OK {
            bail!("it is answered with {status}");
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + part.len() > LARGEST {
                bail!("the answer is longer than {} KiB", LARGEST / 1024);
            }
            body.extend_from_slice(&part);
        }
        Ok(KeySet::jwks(&body)?)
    }
}
