//! The secrets that sign tokens and verify them, followed while the server runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use mcp_auth::authn::jwt::{KeySet, Signers};
use mcp_auth::secret::{self, SecretFileError};
use mcp_auth::shell;
use mcp_auth::{Live, Rejection};
use serve::{Follow, Seen};
use store::{SigningKey, Store, demo};

use crate::Options;

/// Whoever mends the file needs longer.
const AGAIN: Duration = Duration::from_secs(30);

/// What the file of secrets holds now, and what replaces it when that changes.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) keys: Live<KeySet>,
    pub(crate) signers: Live<Signers>,
    pub(crate) follow: Follow,
}

impl Secrets {
    /// Opens the file that the flags name, and makes it on a first run on this machine.
    pub(crate) fn open(options: &Options) -> anyhow::Result<Self> {
        let file = options.secret_path();
        let mut flag = options.common.keys_flag();
        if let Some(file) = &options.secret_file {
            flag.push_str(&format!(" --out {}", shell::word(&file.to_string_lossy())));
        }
        if options.secret_file.is_none() && options.common.is_loopback() {
            demo::make_secret(&options.common.keys)?;
        }
        if !file.exists() {
            bail!(
                "there is no secret in {}; make one: cargo run -p keygen -- secret{flag}",
                file.display()
            );
        }
        let seen = Seen::now([&file]);
        let read = move || read(&file, &flag);
        let (keys, signers) = read()?;
        let (keys, signers) = (Live::from(keys), Live::from(signers));
        let (live_keys, live_signers) = (keys.clone(), signers.clone());
        let follow = seen.follow("secret", move || {
            let (keys, signers) = read()?;
            // In this order: nothing is signed that this server would refuse.
            live_keys.replace(keys);
            live_signers.replace(signers);
            Ok(())
        });
        Ok(Self { keys, signers, follow })
    }

    /// Lets the store know which they are, by their names.
    pub(crate) fn note_in(&self, store: &Store) {
        let keys = self.keys.clone();
        store.note_signing_keys(move || keys.current().iter().map(SigningKey::from).collect());
    }
}

/// Whether tokens can be issued, and so taken.
///
/// # Errors
/// None of the secrets signs now: one has ended, and none has taken over.
pub(crate) fn ready(signers: &Live<Signers>) -> Result<(), Rejection> {
    match signers.current().at(Timestamp::now()) {
        Some(_) => Ok(()),
        None => Err(Rejection::unavailable(AGAIN, "no secret in the file signs now")),
    }
}

fn read(file: &Path, flag: &str) -> anyhow::Result<(KeySet, Signers)> {
    let shown = file.display();
    let text = secret::read(file).map_err(|error| match error {
        SecretFileError::Io { .. } => anyhow!("{error}; name another with --secret-file"),
        error => error.into(),
    })?;
    let fix = format!(
        "give another with --secret-file, or replace it with: cargo run -p keygen -- \
         secret{flag} --force"
    );
    let unusable = |error| anyhow!("{shown} cannot sign tokens: {error}; {fix}");
    let keys = KeySet::hs256(&text).map_err(unusable)?;
    let signers = Signers::hs256(&text).map_err(unusable)?;
    if signers.at(Timestamp::now()).is_none() {
        bail!("{shown} cannot sign tokens: every secret in it signs later, or is over; {fix}");
    }
    Ok((keys, signers))
}
