//! Why nothing was made, one sentence each.

use std::fmt;
use std::path::{Path, PathBuf};

use mcp_auth::secret::SecretFileError;
use store::StoreError;
use store::demo::DemoError;

use crate::cli::{Place, keys_flag};

/// Why nothing was made. The text never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate was not made.
    #[error("no certificate: {0}")]
    Certificate(String),
    /// What a first run needs was not made.
    #[error("{0}{fix}", fix = match .0 { DemoError::File(error) => fix(error), _ => "" })]
    Demo(#[from] DemoError),
    /// A file was not read or written.
    #[error("{0}{fix}", fix = fix(.0))]
    File(#[from] SecretFileError),
    /// A value on the command line cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// A key is not what it should be.
    #[error(
        "cannot use {path}: {reason}; replace the pair with: cargo run -p keygen -- rsa --force{flag}"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// ` --keys DIR`, if it is not the default.
        flag: String,
    },
    /// There is no private key to sign with.
    #[error("there is no {path}; make a key pair with: cargo run -p keygen -- rsa{flag}")]
    NoPrivateKey {
        /// The file.
        path: PathBuf,
        /// ` --keys DIR`, if it is not the default.
        flag: String,
    },
    /// An RSA key was not made or not read.
    #[error("no RSA key: {0}")]
    Rsa(String),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store has no credential of that id.
    #[error(
        "there is no {id} in {store}; to see all, run: cargo run -p keygen --{flags} {kind} list"
    )]
    Unknown {
        /// The id.
        id: String,
        /// The store's file.
        store: PathBuf,
        /// What leads to the same store.
        flags: String,
        /// `apikey` or `client`.
        kind: &'static str,
    },
}

impl Error {
    pub(crate) fn bad_key(path: PathBuf, reason: &impl fmt::Display, keys_dir: &Path) -> Self {
        Self::Key { path, reason: reason.to_string(), flag: keys_flag(keys_dir) }
    }

    pub(crate) fn unknown(kind: &'static str, id: &str, place: &Place) -> Self {
        Self::Unknown {
            id: format!("{id:?}"),
            store: place.store_file(),
            flags: place.flags(),
            kind,
        }
    }
}

/// What to do about a file system that said no; the other errors say it themselves.
fn fix(error: &SecretFileError) -> &'static str {
    match error {
        SecretFileError::Io { .. } => "; check the folder, or name another with --keys",
        _ => "",
    }
}
