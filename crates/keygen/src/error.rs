//! Why nothing was made, one sentence each.

use std::path::PathBuf;

use mcp_auth::authn::jwt::KeyError;
use mcp_auth::secret::SecretFileError;
use store::StoreError;
use store::demo::DemoError;

/// Why nothing was made. The text never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
        "cannot use {path}: {source}; make a key pair with: cargo run -p keygen -- rsa --force"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// There is no private key to sign with.
    #[error("there is no {0}; make a key pair with: cargo run -p keygen -- rsa")]
    NoPrivateKey(PathBuf),
    /// An RSA key was not made or not read.
    #[error("no RSA key: {0}")]
    Rsa(String),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to do about a file system that said no; the other errors say it themselves.
fn fix(error: &SecretFileError) -> &'static str {
    match error {
        SecretFileError::Io { .. } => "; check the folder, or name another with --keys",
        _ => "",
    }
}
