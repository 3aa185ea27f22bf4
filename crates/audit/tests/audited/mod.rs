//! An audit file in a folder of its own, and what is done to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use audit::{AuditFile, Config, Damage, Record, Report, read, verify};
use mcp_auth::audit::{Auditor, Decision, Outcome};
use tempfile::TempDir;

pub(crate) const DECISIONS: usize = 40;

pub(crate) fn config(folder: &Path) -> Config {
    Config {
        size: 1500,
        keep: 100,
        ..Config::new(folder.join("audit.log"), folder.join("audit.key"))
    }
}

pub(crate) fn decide(file: &AuditFile, count: usize) {
    for _ in 0..count {
        let mut decision = Decision::new(Outcome::Allowed);
        decision.user = Some("bob");
        decision.tool = Some("get_time");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let place = runtime.block_on(file.place().unwrap()).unwrap();
        place.decided(&decision);
    }
}

pub(crate) fn run(config: &Config, count: usize) {
    let file = AuditFile::open(config).unwrap();
    decide(&file, count);
    file.close();
}

pub(crate) fn check(config: &Config) -> Report {
    verify(&config.file, &config.key, None).unwrap()
}

pub(crate) fn damage(config: &Config) -> Damage {
    check(config).damage.expect("it was found")
}

/// All files with lines, oldest first, and the lines of each.
pub(crate) fn files(config: &Config) -> Vec<(PathBuf, Vec<String>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(config.file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("audit.log"))
        .filter(|path| !path.to_str().unwrap().ends_with("head"))
        .collect();
    // The one without a number is the newest.
    paths.sort_by_key(|path| (path == &config.file, path.clone()));
    let lines = |path: &Path| {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    paths.into_iter().map(|path| (path.clone(), lines(&path))).collect()
}

pub(crate) fn write(files: &[(PathBuf, Vec<String>)]) {
    for (path, lines) in files {
        fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
}

/// Some lines in several files, written by three starts.
pub(crate) static WRITTEN: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for count in [13, 13, 13, DECISIONS - 39] {
        run(&config(folder.path()), count);
    }
    folder
});

/// A copy of them to be tampered with.
pub(crate) fn copy() -> (TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(WRITTEN.path()).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    let config = config(folder.path());
    (folder, config)
}

pub(crate) fn folder_of(config: &Config) -> &Path {
    config.file.parent().unwrap()
}

/// The sum of what the lines say of this.
pub(crate) fn sum(config: &Config, of: fn(&Record) -> Option<u64>) -> u64 {
    let mut sum = 0;
    read(&config.file, |record| {
        sum += record.as_ref().and_then(of).unwrap_or(0);
        true
    })
    .unwrap();
    sum
}
