//! Secrets at rest in files: who may read them, and how they are written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::shell;

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
    let mut file = File::open(path).map_err(failed)?;
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
/// Written beside its place and moved there whole: a reader sees all of it or nothing.
///
/// # Errors
/// It cannot be written, or one is there and `force` was not given.
pub fn write(path: &Path, secret: &str, force: bool) -> Result<(), SecretFileError> {
    write_with_mode(path, secret, force, 0o600)
}

/// The same for what everybody may read (0644), such as a public key.
///
/// # Errors
/// As for [`write()`].
pub fn write_public(path: &Path, text: &str, force: bool) -> Result<(), SecretFileError> {
    write_with_mode(path, text, force, 0o644)
}

fn write_with_mode(path: &Path, text: &str, force: bool, mode: u32) -> Result<(), SecretFileError> {
    let failed = |source| SecretFileError::Io { doing: "write", path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", uuid::Uuid::now_v7().simple()));
    let beside = path.with_file_name(name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if force {
            fs::rename(&beside, path)
        } else {
            // A link, unlike a rename, fails when the name is taken.
            fs::hard_link(&beside, path)
        }
    })();
    // After a rename there is nothing left to remove.
    let _ = fs::remove_file(&beside);
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => SecretFileError::Exists(path.to_owned()),
        _ => failed(error),
    })
}

#[cfg(test)]
mod tests {
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
