//! Programs of other people, where `scripts/foreign.sh` put them.

use std::path::{Path, PathBuf};

/// What is pinned, in the form of pip.
const PYTHON_PINS: &str = include_str!("../foreign/requirements.txt");
const PYTHON_V1_PINS: &str = include_str!("../foreign/requirements-v1.txt");
const JAVASCRIPT_PINS: &str = include_str!("../foreign/package-lock.json");

/// The Python that has the pinned packages.
///
/// # Errors
/// They are not there, or not in the pinned versions; it says how to install them.
pub fn python() -> Result<PathBuf, String> {
    let folder = folder()?;
    is_pinned(&folder.join("python/requirements.txt"), PYTHON_PINS)?;
    Ok(folder.join("python/bin/python"))
}

/// The Python that has the older line of the official SDK.
///
/// # Errors
/// As with [`python`].
pub fn python_v1() -> Result<PathBuf, String> {
    let folder = folder()?;
    is_pinned(&folder.join("python-v1/requirements.txt"), PYTHON_V1_PINS)?;
    Ok(folder.join("python-v1/bin/python"))
}

/// The Node that they need, and the folder of the pinned packages.
///
/// # Errors
/// As with [`python`].
pub fn javascript() -> Result<(PathBuf, PathBuf), String> {
    let folder = folder()?;
    is_pinned(&folder.join("js/installed-lock.json"), JAVASCRIPT_PINS)?;
    Ok((folder.join("js/bin/node"), folder.join("js/node_modules")))
}

/// The version of a package that [`python`] has.
pub fn python_version(package: &str) -> Option<&'static str> {
    pinned(PYTHON_PINS, package)
}

/// The version of a package that [`python_v1`] has.
pub fn python_v1_version(package: &str) -> Option<&'static str> {
    pinned(PYTHON_V1_PINS, package)
}

fn pinned(pins: &'static str, package: &str) -> Option<&'static str> {
    pins.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))
}

fn folder() -> Result<PathBuf, String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = cache.or_else(home).ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("mcp-auth/foreign"))
}

/// The copy of the pins is written last, when all of them are installed.
fn is_pinned(copy: &Path, pins: &str) -> Result<(), String> {
    match std::fs::read_to_string(copy) {
        Ok(installed) if installed == pins => Ok(()),
        _ => Err(format!(
            "what is pinned is not installed in {}; scripts/foreign.sh installs it",
            copy.parent().unwrap_or(copy).display()
        )),
    }
}
