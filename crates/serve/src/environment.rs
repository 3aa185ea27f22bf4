//! What is taken from the environment and from `.env`, before any flag is read.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};

/// Most worker threads that a server starts.
const MOST_WORKERS: usize = 1024;

/// Reads `.env` in the working directory, if there is one. What the environment already
/// has, stays. Of a wrong file no line is repeated, because it may hold a secret.
///
/// It changes the environment, and so has to run while there is one thread.
pub(crate) fn read_dotenv(secrets: &[&str]) -> anyhow::Result<()> {
    let path = Path::new(".env");
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).context("cannot read .env; make it readable, or remove it");
        }
    };
    let mode = file.metadata().context("cannot read .env")?.permissions().mode() & 0o777;
    let items: Result<Vec<_>, _> = dotenvy::from_path_iter(path).and_then(Iterator::collect);
    let Ok(items) = items else {
        bail!(".env has a line that is not NAME=value; mend it, or remove the file");
    };
    let secret = items.iter().find(|(name, _)| secrets.contains(&name.as_str()));
    if let Some((name, _)) = secret.filter(|_| mode & 0o077 != 0) {
        bail!(".env holds {name} and can be read by others (mode {mode:o}); run: chmod 600 .env");
    }
    dotenvy::from_path(path).context("cannot read .env")
}

/// A secret from the environment. Empty counts as absent.
///
/// # Errors
/// The value is not text.
pub fn secret_from_environment(name: &str) -> anyhow::Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(value.trim().to_owned())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{name} is not text; unset it, or mend it"),
    }
}

/// Asked here because the runtime would panic at a value it cannot use.
pub(crate) fn check_worker_threads() -> anyhow::Result<()> {
    let name = "TOKIO_WORKER_THREADS";
    let Some(value) = std::env::var_os(name) else { return Ok(()) };
    let count = value.to_str().and_then(|value| value.parse::<usize>().ok());
    match count {
        Some(1..=MOST_WORKERS) => Ok(()),
        _ => bail!("{name} is not a number from 1 to {MOST_WORKERS}; set one, or unset it"),
    }
}
