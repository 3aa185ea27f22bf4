//! What is taken from the environment, beside the flags.

use anyhow::bail;

/// Most worker threads that a server starts.
const MOST_WORKERS: usize = 1024;

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
