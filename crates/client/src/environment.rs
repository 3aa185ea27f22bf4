//! `.env`: the settings of the folder one works in, if nobody else can have written them.
//!
//! The servers and keygen have the same rules, in `auth/src/dotenv.rs`.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::Error;

/// What may not stand in a `.env` that others can read, whichever program reads it.
const SECRETS: [&str; 4] =
    ["MCP_API_KEY", "MCP_CLIENT_SECRET", "MCP_TOKEN", "OPENWEATHERMAP_API_KEY"];

/// Reads `.env` in the working directory, and in no folder above it, where a stranger's could
/// send a key to a server of theirs. What the environment already has, stays.
///
/// It changes the environment, and so has to run while there is one thread.
///
/// # Errors
/// When the file is not to be trusted, or cannot be read.
pub(crate) fn read_dotenv() -> Result<(), Error> {
    let me = rustix::process::geteuid().as_raw();
    match trusted_text(Path::new(".env"), me)? {
        Some(text) => dotenvy::from_read(text.as_bytes()).map_err(|_| wrong_line()),
        None => Ok(()),
    }
}

/// The text of the file if it is this user's; `None` if there is no such file.
fn trusted_text(path: &Path, me: u32) -> Result<Option<String>, Error> {
    let unreadable =
        |error| Error::Usage(format!("Cannot read .env: {error}. Make it readable, or remove it."));
    match fs::symlink_metadata(path) {
        // The link itself, too: whoever made it chose what is read.
        Ok(entry) => check_owner(entry.uid(), me)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    // Asked before it is opened: a pipe would wait for somebody to write.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Error::Usage(".env is not a file. Move it away.".into()));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    // Asked of the open file, so that it cannot be exchanged in between.
    let metadata = file.metadata().map_err(unreadable)?;
    check_owner(metadata.uid(), me)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(Error::Usage(format!(
            ".env can be changed by others (mode {mode:o}), so it is not used. \
             Run: chmod 600 .env"
        )));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    let items: Result<Vec<_>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    let items = items.map_err(|_| wrong_line())?;
    let secret = items.iter().find(|(name, _)| SECRETS.contains(&name.as_str()));
    if let Some((name, _)) = secret.filter(|_| mode & 0o077 != 0) {
        return Err(Error::Usage(format!(
            ".env holds {name} and can be read by others (mode {mode:o}), so it is not used. \
             Run: chmod 600 .env"
        )));
    }
    Ok(Some(text))
}

fn check_owner(owner: u32, me: u32) -> Result<(), Error> {
    if owner == me {
        return Ok(());
    }
    Err(Error::Usage(
        ".env in this folder belongs to another user, so it is not used. \
         Work in another folder, or remove the file."
            .into(),
    ))
}

/// dotenvy quotes the line, which may hold a secret.
fn wrong_line() -> Error {
    Error::Usage(
        ".env has a line that is not NAME=value and no # comment; mend it, or remove the file."
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// What is made of a file with this text and mode, and who it belongs to.
    fn read(text: &str, mode: u32, stranger: bool) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let me = rustix::process::geteuid().as_raw() + u32::from(stranger);
        trusted_text(&path, me).map_err(|error| error.to_string())
    }

    #[test]
    fn ones_own_file_is_read_and_a_missing_one_is_no_mistake() {
        assert!(read("MCP_API_KEY=k", 0o600, false).unwrap().is_some());
        assert!(read("MCP_URL=http://a/mcp", 0o644, false).unwrap().is_some());
        assert!(trusted_text(Path::new("/nowhere/.env"), 0).unwrap().is_none());
    }

    #[test]
    fn a_strangers_file_is_refused() {
        let refused = read("MCP_URL=http://a/mcp", 0o644, true).unwrap_err();
        assert!(refused.contains("another user"), "{refused}");
    }

    #[test]
    fn a_loose_file_with_a_secret_is_refused_without_telling_it() {
        for name in SECRETS {
            let refused = read(&format!("{name}=very-secret"), 0o640, false).unwrap_err();
            assert!(refused.contains("chmod 600 .env") && refused.contains(name), "{refused}");
            assert!(!refused.contains("very-secret"));
        }
        let open = read("MCP_URL=http://a/mcp", 0o666, false).unwrap_err();
        assert!(open.contains("changed by others"), "{open}");
        let folder = tempfile::tempdir().unwrap();
        let me = rustix::process::geteuid().as_raw();
        let folder = trusted_text(folder.path(), me).unwrap_err().to_string();
        assert!(folder.contains("not a file"), "{folder}");
        let wrong = read("very-secret line", 0o600, false).unwrap_err();
        assert!(wrong.contains("NAME=value") && !wrong.contains("very-secret"), "{wrong}");
    }
}
