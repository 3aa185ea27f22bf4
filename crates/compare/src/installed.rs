//! Programs of other people, where `scripts/foreign.sh` put them.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};

/// What is pinned, in the form of pip.
const PYTHON_PINS: &str = include_str!("../foreign/requirements.txt");
const PYTHON_V1_PINS: &str = include_str!("../foreign/requirements-v1.txt");
const JAVASCRIPT_PINS: &str = include_str!("../foreign/package-lock.json");

/// The Python that has the pinned packages.
///
/// # Errors
/// They are not there, or not in the pinned versions; it says how to install them.
pub fn python() -> Result<PathBuf, String> {
    Ok(pinned("python", "requirements.txt", PYTHON_PINS)?.join("bin/python"))
}

/// The Python that has the older line of the official SDK.
///
/// # Errors
/// As with [`python`].
pub fn python_v1() -> Result<PathBuf, String> {
    Ok(pinned("python-v1", "requirements.txt", PYTHON_V1_PINS)?.join("bin/python"))
}

/// The Node that they need, and the folder of the pinned packages.
///
/// # Errors
/// As with [`python`].
pub fn javascript() -> Result<(PathBuf, PathBuf), String> {
    let folder = pinned("js", "installed-lock.json", JAVASCRIPT_PINS)?;
    Ok((folder.join("bin/node"), folder.join("node_modules")))
}

/// The version of a package that [`python`] has.
pub fn python_version(package: &str) -> Option<&'static str> {
    version(PYTHON_PINS, package)
}

/// The version of a package that [`python_v1`] has.
pub fn python_v1_version(package: &str) -> Option<&'static str> {
    version(PYTHON_V1_PINS, package)
}

fn version(pins: &'static str, package: &str) -> Option<&'static str> {
    let pin = pins.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))?;
    pin.split_whitespace().next()
}

/// The folder of a part in which exactly this is installed: `copy` is written last.
fn pinned(part: &str, copy: &str, pins: &str) -> Result<PathBuf, String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = cache.or_else(home).ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    let digest = digest(&SHA256, pins.as_bytes());
    let key: String = digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = cache.join(format!("mcp-auth/foreign/{part}-{key}"));
    match std::fs::read_to_string(folder.join(copy)) {
        Ok(installed) if installed == pins => Ok(folder),
        _ => Err(format!(
            "what is pinned is not installed in {}; scripts/foreign.sh installs it",
            folder.display()
        )),
    }
}
