//! Files that are no secret, but decide who gets in.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{anyhow, bail};
use mcp_auth::{file, shell};

/// Reads a public key, a policy or a certificate. Errors call it `what`, and name `flag`, which
/// takes the path of another.
///
/// # Errors
/// It cannot be read, or others than its owner may change it.
pub fn read_trusted(path: &Path, what: &str, flag: &str) -> anyhow::Result<String> {
    let shown = path.display();
    let unreadable = |error| {
        anyhow!("cannot read the {what} {shown}: {error}; mend it, or name another with {flag}")
    };
    let mut file = file::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o022 != 0 {
        bail!(
            "the {what} {shown} can be changed by others (mode {:o}); run: chmod go-w {}",
            mode & 0o777,
            shell::word(&path.to_string_lossy())
        );
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
