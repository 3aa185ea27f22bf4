//! The head in the store: what cannot be told from the files alone.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "other tests use all of it")]
mod audited;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use audit::{Config, Damage, Elsewhere, Report, What, verify};
use audited::{check, run};
use mcp_auth::audit::Heads;
use store::Store;

/// Opened anew each time, as a server does and `inspect`.
fn store(folder: &Path) -> Arc<dyn Heads> {
    Arc::new(Store::open(&folder.join("credentials.db")).unwrap())
}

fn kept(folder: &Path) -> Config {
    let (size, heads) = (Config::SIZE, Some(store(folder)));
    Config { size, heads, ..audited::config(folder) }
}

fn check_with_store(folder: &Path) -> Report {
    let config = audited::config(folder);
    let elsewhere = Elsewhere { heads: store(folder), written_as: &config.file };
    verify(&config.file, &config.key, Some(elsewhere)).unwrap()
}

fn damage(folder: &Path) -> Damage {
    check_with_store(folder).damage.expect("it was found")
}

const FILES: [&str; 2] = ["audit.log", "audit.log.head"];

fn copy_files(from: &Path, to: &Path) {
    for name in FILES {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

#[test]
fn older_files_that_are_put_back_with_their_head_are_missed() {
    let (folder, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(&kept(folder.path()), 3);
    copy_files(folder.path(), backup.path());
    run(&kept(folder.path()), 3);
    let whole = check_with_store(folder.path());
    assert!(whole.damage.is_none() && whole.ended, "{whole:?}");

    copy_files(backup.path(), folder.path());
    let config = audited::config(folder.path());
    assert!(check(&config).damage.is_none(), "the files alone look well");
    let found = damage(folder.path());
    assert!(found.what == What::CutOff && found.text.contains("lines went on to 11"), "{found:?}");
    // A server that starts says so in the file, and whoever has no store finds that.
    run(&kept(folder.path()), 1);
    let report = check(&config);
    assert_eq!(report.damage.map(|damage| damage.what), Some(What::Missing));
    let text = fs::read_to_string(&config.file).unwrap();
    assert!(text.contains("lines that the store knows were not there any more"), "{text}");
}

#[test]
fn files_that_are_gone_while_no_server_ran_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    run(&kept(folder.path()), 3);
    for name in FILES {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    run(&kept(folder.path()), 1);
    let report = check(&audited::config(folder.path()));
    let found = report.damage.unwrap();
    assert!(found.what == What::Missing && found.text.contains("lines 1 to 6"), "{found:?}");
}

#[test]
fn another_history_of_the_same_length_is_told_apart() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = fs::read_to_string({
        run(&kept(folder.path()), 3);
        folder.path().join("audit.key")
    });
    mcp_auth::secret::write(&other.path().join("audit.key"), &key.unwrap(), false).unwrap();
    run(&audited::config(other.path()), 3);
    copy_files(other.path(), folder.path());
    assert!(check(&audited::config(folder.path())).damage.is_none());
    let found = damage(folder.path());
    assert!(found.what == What::Altered && found.text.contains("two histories"), "{found:?}");
    run(&kept(folder.path()), 1);
    assert!(check(&audited::config(folder.path())).damage.is_some());
}

#[test]
fn a_longer_history_does_not_take_the_place_of_the_one_that_the_store_knows() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(&kept(folder.path()), 3);
    let key = fs::read_to_string(folder.path().join("audit.key")).unwrap();
    mcp_auth::secret::write(&other.path().join("audit.key"), &key, false).unwrap();
    run(&Config { size: Config::SIZE, ..audited::config(other.path()) }, 9);
    copy_files(other.path(), folder.path());
    let config = audited::config(folder.path());
    assert_eq!(check(&config).damage, None, "the files alone look well");
    run(&kept(folder.path()), 1);
    let report = check(&config);
    assert_eq!(report.damage.map(|damage| damage.what), Some(What::Unproven));
    let text = fs::read_to_string(&config.file).unwrap();
    assert!(text.contains("lines that the store knows were not there any more"), "{text}");
}

#[test]
fn a_copy_is_checked_by_the_path_that_it_was_written_as_and_an_unknown_one_is_not_taken_for_whole()
{
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = audited::config(folder.path());
    run(&kept(folder.path()), 3);
    copy_files(folder.path(), copy.path());
    let file = copy.path().join("audit.log");
    let check = |written_as: &Path| {
        let elsewhere = Elsewhere { heads: store(folder.path()), written_as };
        verify(&file, &config.key, Some(elsewhere)).unwrap().damage
    };
    assert_eq!(check(&config.file), None);
    let found = check(&file).unwrap();
    assert!(found.what == What::Unproven && found.text.contains("no head of it"), "{found:?}");
}

#[test]
fn a_store_that_was_told_less_than_the_file_has_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    run(&kept(folder.path()), 3);
    // As if it was killed before the store was told.
    run(&Config { heads: None, ..kept(folder.path()) }, 3);
    let report = check_with_store(folder.path());
    assert!(report.damage.is_none() && report.last == Some(11), "{report:?}");
    run(&kept(folder.path()), 1);
    assert!(check_with_store(folder.path()).damage.is_none());
}
