//! Why an audit file cannot be kept or read.

use std::io;
use std::path::{Path, PathBuf};

use mcp_auth::secret::SecretFileError;
use mcp_auth::shell;

/// Why an audit file cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The head that is kept elsewhere cannot be read.
    #[error("cannot read how far {} goes from where else that is kept: {why}", file.display())]
    Heads {
        /// The audit file.
        file: PathBuf,
        /// Why not.
        why: String,
    },
    /// Another process has it.
    #[error("{0} is written by another process; give each server an audit file of its own")]
    Busy(PathBuf),
    /// There are lines, and the key under which they are is gone.
    #[error(
        "{file} is there, and the key {key} under which it was written is not; bring the key \
         back, or move the audit files away"
    )]
    KeyMissing {
        /// The audit file.
        file: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
    /// It is no key.
    #[error("{0} holds no audit key: 32 bytes in base64url; bring the right file back")]
    KeyMalformed(PathBuf),
    /// The key cannot be read or made.
    #[error(transparent)]
    Key(#[from] SecretFileError),
    /// Others than the owner may read or change the file.
    #[error(
        "{path} can be read by others (mode {mode:o}); run: chmod 600 {word}",
        word = shell::word(&.path.to_string_lossy())
    )]
    LooseMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is no audit file of that name, nor one that was full.
    #[error("there is no audit file {0}; a server that is started with --audit-file writes one")]
    NoFile(PathBuf),
    /// There is something else in it.
    #[error(
        "{0} is not empty, and no line in it was written under this audit.key; name another file, \
         or bring the right key back"
    )]
    Foreign(PathBuf),
    /// It is the key.
    #[error("{0} is the key of the audit; name another file to be written")]
    IsKey(PathBuf),
    /// It is a folder, a device or a pipe.
    #[error("{0} is no regular file; name another")]
    NotAFile(PathBuf),
    /// The file system said no.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl AuditError {
    /// The file system said no, to the key or to a file: that may pass.
    pub fn is_of_the_system(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Heads { .. } | Self::Key(SecretFileError::Io { .. }))
    }

    pub(crate) fn reading(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Io { doing: "read", path: path.to_owned(), source }
    }

    /// A file that was there a moment ago may be gone.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn writing(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Io { doing: "write", path: path.to_owned(), source }
    }
}
