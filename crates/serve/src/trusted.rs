//! Files that are no secret, but decide who gets in.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use mcp_auth::shell;

/// Reads a public key or a policy. `what` names it in errors.
///
/// # Errors
/// It cannot be read, or others than its owner may change it.
pub fn read_trusted(path: &Path, what: &str) -> anyhow::Result<String> {
    let shown = path.display();
    let mut file = File::open(path).with_context(|| format!("cannot read the {what} {shown}"))?;
    let mode =
        file.metadata().with_context(|| format!("cannot read {shown}"))?.permissions().mode();
    if mode & 0o022 != 0 {
        bail!(
            "the {what} {shown} can be changed by others (mode {:o}); run: chmod go-w {}",
            mode & 0o777,
            shell::word(&path.to_string_lossy())
        );
    }
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(|| format!("cannot read the {what} {shown}"))?;
    Ok(text)
}
