//! Secrets at rest in files: who may read them, and how they are written.

mod staged;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{file, shell};
pub use staged::{Staged, place};

/// Why a secret file was not read or written. The text never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// A file of that name is there already.
    #[error("{0} exists already; keep it, or pass --force to replace it")]
    Exists(PathBuf),
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
    /// Others than the owner may read or change it.
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
}

/// Reads a secret file, without the white space at its end.
///
/// # Errors
/// It cannot be read, or anybody but its owner may read or change it.
pub fn read(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let failed = |source| SecretFileError::Io { doing: "read", path: path.to_owned(), source };
    // Mode and content are taken from one open file, so that it cannot be swapped between.
    let mut file = file::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::LooseMode { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    io::Read::read_to_string(&mut file, &mut text).map_err(failed)?;
    let end = text.trim_end().len();
    text.truncate(end);
    Ok(text)
}

/// Writes a secret file that its owner alone can read (0600), in folders of 0700.
///
/// Written beside its place and moved there whole: a reader sees all of it or nothing. One that
/// replaces another belongs to the same user, and a link in its place stays one.
///
/// # Errors
/// It cannot be written, or one is there and `force` was not given.
pub fn write(path: &Path, secret: &str, force: bool) -> Result<(), SecretFileError> {
    Staged::with_mode(path, secret, force, 0o600)?.keep_or_drop()
}

/// The same for what everybody may read (0644), such as a public key.
///
/// # Errors
/// As for [`write()`].
pub fn write_public(path: &Path, text: &str, force: bool) -> Result<(), SecretFileError> {
    Staged::with_mode(path, text, force, 0o644)?.keep_or_drop()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_is_private_whole_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients/bob.apikey");
        write(&path, "secret\n", false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read(&path).unwrap(), "secret");
        assert!(matches!(write(&path, "other", false), Err(SecretFileError::Exists(_))));
        assert_eq!(*read(&path).unwrap(), "secret");
        write(&path, "other", true).unwrap();
        assert_eq!(*read(&path).unwrap(), "other");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my key");
        write_public(&path, "secret", false).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.ends_with(&format!("chmod 600 '{}'", path.display())), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
