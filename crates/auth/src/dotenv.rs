//! `.env`: the settings of the folder one works in, if nobody else can have written them.
//!
//! `client` stands on none of the other crates, and has the same rules in its `environment.rs`.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What may not stand in a `.env` that others can read, whichever program reads it.
pub const SECRETS: [&str; 4] =
    ["MCP_API_KEY", "MCP_CLIENT_SECRET", "MCP_TOKEN", "OPENWEATHERMAP_API_KEY"];

/// Why a `.env` was not used. The text holds no line of it, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum DotenvError {
    /// The file system said no.
    #[error("cannot read .env: {0}; make it readable, or remove it")]
    Io(#[from] io::Error),
    /// It is a folder, or something else that is no file.
    #[error(".env is not a file; move it away")]
    NotAFile,
    /// Somebody else made it.
    #[error(
        ".env in this folder belongs to another user, so it is not used; start in another folder, \
         or remove the file"
    )]
    Strangers,
    /// Others can change it.
    #[error(".env can be changed by others (mode {mode:o}); run: chmod 600 .env")]
    Writable {
        /// Its permission bits.
        mode: u32,
    },
    /// It holds a secret that others can read.
    #[error(".env holds {name} and can be read by others (mode {mode:o}); run: chmod 600 .env")]
    Readable {
        /// The variable.
        name: String,
        /// The file's permission bits.
        mode: u32,
    },
    /// A line is not `NAME=value`.
    #[error(".env has a line that is not NAME=value and no # comment; mend it, or remove the file")]
    Line,
}

/// Reads `.env` in the working directory, and in no folder above it, if there is one. What the
/// environment already has, stays.
///
/// It changes the environment, and so has to run while there is one thread.
///
/// # Errors
/// The file is not to be trusted, or cannot be read.
pub fn read() -> Result<(), DotenvError> {
    let me = rustix::process::geteuid().as_raw();
    match trusted_text(Path::new(".env"), me)? {
        Some(text) => dotenvy::from_read(text.as_bytes()).map_err(|_| DotenvError::Line),
        None => Ok(()),
    }
}

/// The text of the file if it is this user's; `None` if there is no such file.
fn trusted_text(path: &Path, me: u32) -> Result<Option<String>, DotenvError> {
    match fs::symlink_metadata(path) {
        // The link itself, too: whoever made it chose what is read.
        Ok(entry) => check_owner(entry.uid(), me)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // Asked before it is opened: a pipe would wait for somebody to write.
    if !fs::metadata(path)?.is_file() {
        return Err(DotenvError::NotAFile);
    }
    let mut file = File::open(path)?;
    // Asked of the open file, so that it cannot be exchanged in between.
    let metadata = file.metadata()?;
    check_owner(metadata.uid(), me)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(DotenvError::Writable { mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let items: Result<Vec<_>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    let items = items.map_err(|_| DotenvError::Line)?;
    let secret = items.into_iter().find(|(name, _)| SECRETS.contains(&name.as_str()));
    match secret.filter(|_| mode & 0o077 != 0) {
        Some((name, _)) => Err(DotenvError::Readable { name, mode }),
        None => Ok(Some(text)),
    }
}

fn check_owner(owner: u32, me: u32) -> Result<(), DotenvError> {
    if owner == me { Ok(()) } else { Err(DotenvError::Strangers) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
        assert!(read("MCP_KEYS=keys", 0o644, false).unwrap().is_some());
        assert!(trusted_text(Path::new("/nowhere/.env"), 0).unwrap().is_none());
    }

    #[test]
    fn what_another_can_have_written_is_refused() {
        let refused = read("MCP_KEYS=keys", 0o644, true).unwrap_err();
        assert!(refused.contains("another user"), "{refused}");
        for mode in [0o666, 0o664, 0o620, 0o602] {
            let refused = read("MCP_KEYS=keys", mode, false).unwrap_err();
            assert!(refused.contains("chmod 600 .env"), "{mode:o}: {refused}");
        }
    }

    #[test]
    fn a_loose_file_with_a_secret_is_refused_without_telling_it() {
        for name in SECRETS {
            let refused = read(&format!("{name}=very-secret"), 0o640, false).unwrap_err();
            assert!(refused.contains("chmod 600 .env") && refused.contains(name), "{refused}");
            assert!(!refused.contains("very-secret"));
        }
        let wrong = read("very-secret line", 0o600, false).unwrap_err();
        assert!(wrong.contains("NAME=value") && !wrong.contains("very-secret"), "{wrong}");
    }

    #[test]
    fn a_folder_is_called_one() {
        let folder = tempfile::tempdir().unwrap();
        let me = rustix::process::geteuid().as_raw();
        let refused = trusted_text(folder.path(), me).unwrap_err().to_string();
        assert!(refused.contains("not a file"), "{refused}");
    }
}
