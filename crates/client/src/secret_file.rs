//! Files that hold a secret: nobody else may read them, and none is read that others can.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::{Error, quoted};

/// No credential file is longer.
const MAX_LENGTH: u64 = 64 * 1024;

/// Where the servers leave a client's credential: `<keys>/clients/<name>.<kind>`. `flag` is the
/// one that takes a file elsewhere.
///
/// # Errors
/// When `name` is not a plain file name.
pub fn credential_path(keys: &Path, name: &str, kind: &str, flag: &str) -> Result<PathBuf, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::Usage(format!(
            "--as takes a name of letters, digits, '-', '_' and '.', such as bob; \
             for a file elsewhere use {flag} FILE."
        )));
    }
    Ok(keys.join("clients").join(format!("{name}.{kind}")))
}

/// The text of a secret file without the white space around it; `None` if there is no such file.
///
/// # Errors
/// When others can read the file too, or when it is no file of readable text.
pub fn read_secret_file(path: &Path) -> Result<Option<SecretString>, Error> {
    let shown = path.display();
    let unreadable = |error| {
        Error::Usage(format!(
            "Cannot read {shown}: {error}. Make it readable for you alone, or move it away."
        ))
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // Asked of the open file, so that it cannot be exchanged in between.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > MAX_LENGTH {
        return Err(Error::Usage(format!(
            "{shown} is not a file that holds a credential. Name another, or move it away."
        )));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Error::Usage(format!(
            "{shown} can be read by others, so it is not used. Run: chmod 600 {}",
            quoted(&path.to_string_lossy())
        )));
    }
    let mut text = String::new();
    file.take(MAX_LENGTH).read_to_string(&mut text).map_err(unreadable)?;
    Ok(Some(text.trim().into()))
}

/// Writes `text` to `path`, for the owner alone, whole or not at all; makes the folder (0700).
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn write_secret_file(path: &Path, text: &str) -> Result<(), Error> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        let _ = fs::remove_file(&draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&draft, path)
    };
    write().map_err(|error| {
        Error::Usage(format!(
            "Cannot write {}: {error}. Make its folder writable, or choose another with --keys.",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn written_for_the_owner_alone_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache").join("token.json");
        write_secret_file(&path, "first\n").unwrap();
        write_secret_file(&path, "second\n").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(read_secret_file(&path).unwrap().unwrap().expose_secret(), "second");
    }

    #[test]
    fn what_others_can_read_is_refused_with_the_command_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bob.apikey");
        fs::write(&path, "key").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_secret_file(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn nothing_there_is_not_an_error_and_a_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_secret_file(&folder.path().join("none")).unwrap().is_none());
        assert!(read_secret_file(folder.path()).is_err());
    }

    #[test]
    fn a_name_cannot_leave_its_folder() {
        let keys = Path::new("keys");
        let path = |name| credential_path(keys, name, "apikey", "--key-file");
        let refused = path("../bob").unwrap_err().to_string();
        assert!(refused.contains("--key-file FILE"), "{refused}");
        assert_eq!(path("bob").unwrap(), Path::new("keys/clients/bob.apikey"));
    }
}
