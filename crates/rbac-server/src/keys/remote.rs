//! A key set that an issuer serves (RFC 7517 §5).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::bail;
use http::header::ACCEPT;
use jiff::Timestamp;
use mcp_auth::authn::jwt::{KeySet, Keys, VerifyingKey, jwks};
use mcp_auth::{Live, Rejection};
use reqwest::{Client, StatusCode, Url};
use serve::{Follow, Seen};
use tokio::sync::Mutex as Turn;

use super::{NONE, client};

/// Largest answer in bytes. A key has about half a KiB, with its certificates five.
const LARGEST: usize = 256 * 1024;
/// How long after an issuer was asked because of a key that is not there it is not asked again:
/// anybody can name such keys.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// How soon it is asked again as long as nothing was ever loaded, and after it failed.
const AGAIN: Duration = Duration::from_secs(2);
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How much longer than usual an issuer may be silent before its keys count no more: whoever cuts
/// it off must not keep a stolen key in force for ever.
const SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys that an issuer said last. Clones are one.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Inner>);

struct Inner {
    url: Url,
    /// The same without its query, in which there may be a secret.
    shown: Url,
    http: Live<Client>,
    refresh: Duration,
    /// `None`: never loaded.
    said: Live<Option<Said>>,
    /// Who asks the issuer, and when somebody last did because a key was not there.
    asking: Turn<Option<Instant>>,
    /// The failure that was told last.
    told: Mutex<Option<String>>,
}

/// What an issuer said, and when.
struct Said {
    keys: KeySet,
    at: Instant,
}

impl Remote {
    /// What the issuer said last, for as long as somebody else has these keys.
    pub(crate) fn said(&self) -> impl Fn() -> Option<KeySet> + Send + Sync + 'static {
        let inner = Arc::downgrade(&self.0);
        move || {
            let said = inner.upgrade()?.said.current();
            said.as_ref().as_ref().map(|said| said.keys.clone())
        }
    }

    /// With what makes it trust the file's new content whenever that changes.
    pub(crate) fn new(
        url: Url,
        ca: Option<PathBuf>,
        refresh: Duration,
    ) -> anyhow::Result<(Self, Option<Follow>)> {
        let seen = ca.as_ref().map(|file| Seen::now([file]));
        let http = Live::from(client::trusting(&url, ca.as_deref())?);
        let mut shown = url.clone();
        shown.set_query(None);
        let follow = seen.map(|seen| {
            let (url, http) = (url.clone(), http.clone());
            seen.follow("issuer's CA", move || {
                // With it go the connections that were made under the one before.
                http.replace(client::trusting(&url, ca.as_deref())?);
                Ok(())
            })
        });
        let (said, asking, told) = (Live::from(None), Turn::default(), Mutex::default());
        let inner = Inner { url, shown, http, refresh, said, asking, told };
        Ok((Self(Arc::new(inner)), follow))
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

    /// Whether a token can be judged, and one could be good.
    pub(crate) fn ready(&self) -> Result<(), Rejection> {
        let said = self.0.said.current();
        let keys = self.0.keys_at(&said, Instant::now())?;
        if keys.verifies_at(Timestamp::now()) {
            return Ok(());
        }
        Err(Rejection::unavailable(AGAIN, "no key of the issuer verifies anything now"))
    }
}

impl Keys for Remote {
    fn find(&self, kid: Option<&str>) -> Result<Option<Arc<VerifyingKey>>, Rejection> {
        let said = self.0.said.current();
        self.0.keys_at(&said, Instant::now())?.find(kid)
    }

    /// One asks, and who comes meanwhile waits for what that brings.
    async fn newer(&self) -> bool {
        let before = self.0.said.current();
        let inner = Arc::clone(&self.0);
        // On a task of its own: a caller who hangs up takes nothing from those who wait.
        let asking = tokio::spawn(async move {
            let mut last = inner.asking.lock().await;
            if Arc::ptr_eq(&before, &inner.said.current())
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
        let answered = inner.load().await;
        drop(turn);
        Some(inner.pause(answered))
    }

    /// How soon the issuer is asked again.
    fn pause(&self, answered: bool) -> Duration {
        match (answered, self.said.current().is_some()) {
            (true, _) => self.refresh,
            (false, true) => self.refresh.min(AFTER_FAILURE),
            (false, false) => AGAIN,
        }
    }

    /// The keys that count at this moment.
    fn keys_at<'a>(&self, said: &'a Option<Said>, now: Instant) -> Result<&'a KeySet, Rejection> {
        let Some(Said { keys, at }) = said else {
            return Err(Rejection::unavailable(AGAIN, "the issuer's key set was never loaded"));
        };
        if now.saturating_duration_since(*at) > self.refresh + SILENCE {
            let reason = "the issuer has not said for a day which keys it has";
            return Err(Rejection::unavailable(AFTER_FAILURE, reason));
        }
        Ok(keys)
    }

    /// Whether the issuer answered. If not, what there is stays.
    async fn load(&self) -> bool {
        let (answered, failure) = match self.fetch().await {
            Ok(keys) => {
                // An issuer that has no such key any more has withdrawn those that it had.
                let none = (keys.iter().count() == 0).then(|| NONE.to_owned());
                self.said.replace(Some(Said { keys, at: Instant::now() }));
                (true, none)
            }
            Err(error) => (false, Some(with_fix(format!("{error:#}")))),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if failure == *told {
            return answered;
        }
        let url = &self.shown;
        match &failure {
            Some(error) if answered => {
                tracing::error!(%url, error, "the key set was loaded; no token is taken");
            }
            Some(error) => {
                let loaded = self.said.current().is_some();
                let stays = if loaded { "the one before stays" } else { "no token is taken" };
                tracing::error!(%url, error, "the key set was not loaded; {stays}");
            }
            None => tracing::info!(%url, "the key set can be loaded again"),
        }
        *told = failure;
        answered
    }

    async fn fetch(&self) -> anyhow::Result<KeySet> {
        let accept = format!("{}, application/json", jwks::MEDIA_TYPE);
        let request = self.http.current().get(self.url.clone()).header(ACCEPT, accept);
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

/// What would help where a certificate is of a CA that is not trusted, or only has its name.
fn with_fix(error: String) -> String {
    let reason = error.split_once("invalid peer certificate: ").map_or("", |(_, reason)| reason);
    if reason.starts_with("UnknownIssuer") || reason.starts_with("BadSignature") {
        format!("{error}; if the issuer has a CA of its own, name that with --jwks-ca")
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn remote(refresh: Duration) -> Remote {
        serve::install_crypto();
        let url = "http://127.0.0.1:9/keys?token=hunter2".parse().unwrap();
        Remote::new(url, None, refresh).unwrap().0
    }

    fn said_now() -> Option<Said> {
        let keys = KeySet::jwks(b"{\"keys\":[]}").unwrap();
        Some(Said { keys, at: Instant::now() })
    }

    #[test]
    fn what_an_issuer_said_counts_until_it_is_silent_for_a_day() {
        let Remote(inner) = remote(DAY);
        assert!(inner.keys_at(&None, Instant::now()).is_err());
        let said = said_now();
        let at = said.as_ref().unwrap().at;
        assert!(inner.keys_at(&said, at + DAY * 2).is_ok());
        assert!(inner.keys_at(&said, at + DAY * 2 + Duration::from_secs(1)).is_err());
    }

    #[test]
    fn an_issuer_that_failed_is_asked_again_soon() {
        let Remote(inner) = remote(DAY);
        assert_eq!(inner.pause(false), AGAIN);
        inner.said.replace(said_now());
        assert_eq!((inner.pause(true), inner.pause(false)), (DAY, AFTER_FAILURE));
        let second = Duration::from_secs(1);
        let Remote(often) = remote(second);
        often.said.replace(said_now());
        assert_eq!(often.pause(false), second);
    }

    #[test]
    fn the_log_does_not_repeat_the_query() {
        assert_eq!(remote(DAY).0.shown.as_str(), "http://127.0.0.1:9/keys");
    }
}
