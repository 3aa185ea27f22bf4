//! The public keys that verify tokens, which are followed while the server runs.

mod client;
mod remote;
mod source;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use jiff::Timestamp;
use mcp_auth::authn::jwt::{KeySet, Keys, VerifyingKey, jwks};
use mcp_auth::{Live, Rejection};
use serve::{Follow, Seen, read_trusted};
use store::{SigningKey, Store};

use crate::Options;
use remote::Remote;
pub use source::JwksSource;
pub(crate) use source::parse;

const NONE: &str = "none of its keys verifies RS256: each is of another kty, use or alg";

/// Where they come from.
#[derive(Clone)]
pub(crate) enum Trusted {
    /// What a file held when it was read last.
    File(Live<KeySet>),
    /// What an issuer said last.
    Remote(Remote),
}

impl Trusted {
    /// Reads the file that the flags name, or prepares to ask an issuer.
    pub(crate) fn open(options: &Options) -> anyhow::Result<(Self, Option<Follow>)> {
        refuse_ca_without_tls(options)?;
        let (what, file): (_, Box<dyn Fn() -> anyhow::Result<KeySet> + Send + Sync>);
        let seen = match &options.jwks {
            Some(JwksSource::Url(url)) => {
                let (ca, refresh) = (options.jwks_ca.clone(), options.jwks_refresh);
                let (remote, follow) = Remote::new(url.clone(), ca, refresh)?;
                return Ok((Self::Remote(remote), follow));
            }
            Some(JwksSource::File(path)) => {
                let path = path.clone();
                let seen = Seen::now([&path]);
                if read_jwks(&path)?.iter().next().is_none() {
                    bail!(
                        "cannot use the key set {}: {NONE}; give one of your issuer's with --jwks",
                        path.display()
                    );
                }
                (what, file) = ("key set", Box::new(move || read_jwks(&path)));
                seen
            }
            None => {
                let (path, flag) = (options.public_key_file(), options.common.keys_flag());
                if !path.exists() {
                    bail!(no_key(&path, options.public_key.is_some(), &flag));
                }
                let seen = Seen::now([&path]);
                (what, file) = ("public key", Box::new(move || read_pem(&path, &flag)));
                seen
            }
        };
        let keys = Live::from(file()?);
        let live = keys.clone();
        let follow = seen.follow(what, move || {
            let keys = file()?;
            // Whoever takes the last key out means it.
            if keys.iter().next().is_none() {
                tracing::error!(error = NONE, "the {what} is empty now; no token is taken");
            }
            live.replace(keys);
            Ok(())
        });
        Ok((Self::File(keys), Some(follow)))
    }

    /// Asks the issuer now and then, for as long as somebody else has these keys.
    pub(crate) fn keep_up(&self) {
        if let Self::Remote(remote) = self {
            remote.keep_up();
        }
    }

    /// Lets the store know which keys these are.
    pub(crate) fn note_in(&self, store: &Store) {
        let names = |keys: &KeySet| keys.iter().map(SigningKey::from).collect();
        match self.clone() {
            Self::File(keys) => store.note_signing_keys(move || names(&keys.current())),
            Self::Remote(remote) => {
                let said = remote.said();
                store.note_signing_keys(move || said().as_ref().map_or_else(Vec::new, names));
            }
        }
    }

    /// Whether a token can be judged, and one could be good.
    pub(crate) fn ready(&self) -> Result<(), Rejection> {
        match self {
            Self::File(keys) if keys.current().verifies_at(Timestamp::now()) => Ok(()),
            Self::File(_) => Err(Rejection::unavailable(
                Duration::from_secs(30),
                "no key in the file verifies anything now",
            )),
            Self::Remote(remote) => remote.ready(),
        }
    }

    /// `GET /jwks.json`, where the keys are this server's own: an issuer elsewhere says itself
    /// which ones it has.
    pub(crate) fn router(&self) -> Router {
        let Self::File(keys) = self.clone() else { return Router::new() };
        let serve = async move || {
            let set = keys.current().to_jwks(Timestamp::now()).to_string();
            // Whoever caches it hears of a new key before that signs: see `keygen rsa --rotate`.
            ([(CONTENT_TYPE, jwks::MEDIA_TYPE), (CACHE_CONTROL, "no-cache")], set)
        };
        Router::new().route("/jwks.json", get(serve))
    }

    /// What is public because of these keys, for people.
    pub(crate) fn public(&self) -> &'static str {
        match self {
            Self::File(_) => "GET /jwks.json, ",
            Self::Remote(_) => "",
        }
    }
}

impl Keys for Trusted {
    fn find(&self, kid: Option<&str>) -> Result<Option<Arc<VerifyingKey>>, Rejection> {
        match self {
            Self::File(keys) => keys.find(kid),
            Self::Remote(remote) => remote.find(kid),
        }
    }

    async fn newer(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Remote(remote) => remote.newer().await,
        }
    }
}

/// Whoever names a CA believes that something is checked.
fn refuse_ca_without_tls(options: &Options) -> anyhow::Result<()> {
    let over_tls = matches!(&options.jwks, Some(JwksSource::Url(url)) if url.scheme() == "https");
    match &options.jwks_ca {
        Some(file) if !over_tls => bail!(
            "no certificate is checked against the CA {}; give --jwks an https URL, or leave \
             --jwks-ca out",
            file.display()
        ),
        _ => Ok(()),
    }
}

fn no_key(file: &Path, was_named: bool, flag: &str) -> String {
    let fix = if was_named {
        "give the file of your issuer's key, or make a pair with"
    } else {
        "give your issuer's key set with --jwks, or make a pair with"
    };
    format!("there is no public key in {}; {fix}: cargo run -p keygen -- rsa{flag}", file.display())
}

fn read_pem(file: &Path, flag: &str) -> anyhow::Result<KeySet> {
    let text = read_trusted(file, "public key", "--public-key")?;
    KeySet::rs256(&text).map_err(|error| {
        anyhow!(
            "{} verifies nothing: {error}; give an RSA public key, or make a pair with: cargo run \
             -p keygen -- rsa{flag}",
            file.display()
        )
    })
}

fn read_jwks(file: &Path) -> anyhow::Result<KeySet> {
    let text = read_trusted(file, "key set", "--jwks")?;
    KeySet::jwks(text.as_bytes()).map_err(|error| {
        let shown = file.display();
        anyhow!("cannot use the key set {shown}: {error}; mend it, or name another with --jwks")
    })
}
