//! Which files are written, by whom, and which are left alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod audited;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::{Duration, Instant};

use audit::{AuditError, AuditFile, Config, What, verify};
use audited::*;

#[test]
fn one_process_writes_and_nothing_is_written_where_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let open = AuditFile::open(&config).unwrap();
    assert!(matches!(AuditFile::open(&config), Err(AuditError::Busy(_))));
    open.close();
    drop(open);

    fs::set_permissions(&config.file, fs::Permissions::from_mode(0o640)).unwrap();
    let error = AuditFile::open(&config).err().unwrap().to_string();
    assert!(error.contains("chmod 600"), "{error}");
    fs::set_permissions(&config.file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(&config.key).unwrap();
    assert!(matches!(AuditFile::open(&config), Err(AuditError::KeyMissing { .. })));
    let folder = tempfile::tempdir().unwrap();
    let device =
        Config { file: "/dev/full".into(), key: folder.path().join("audit.key"), ..config };
    assert!(matches!(AuditFile::open(&device), Err(AuditError::NotAFile(_))));
}

#[test]
fn a_file_that_is_taken_away_under_a_server_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: Config::SIZE, ..config(folder.path()) };
    let file = AuditFile::open(&config).unwrap();
    decide(&file, 3);
    while !fs::read_to_string(&config.file).unwrap().contains("bob") {
        std::thread::yield_now();
    }
    fs::rename(&config.file, folder.path().join("elsewhere")).unwrap();
    decide(&file, 3);
    file.close();
    assert_eq!(damage(&config).what, What::Missing);
    assert!(fs::read_to_string(&config.file).unwrap().contains("bob"));
}

#[test]
fn what_only_has_the_name_of_a_full_file_is_neither_removed_nor_counted() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { keep: 2, ..config(folder.path()) };
    run(&config, DECISIONS);
    let named = |end: &str| folder.path().join(format!("audit.log.{end}"));
    // An operator's copy, and what somebody put there so that others are removed. No file is full
    // after one line or two.
    let backup = named("20");
    let pipe = named("000000000001");
    let empty = ["000000000002", "000000999998", "000000999999", "18446744073709551615"].map(named);
    fs::write(&backup, "my copy").unwrap();
    empty.iter().for_each(|path| fs::write(path, "").unwrap());
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for _ in 0..2 {
        run(&config, DECISIONS);
    }
    for path in empty.iter().chain([&backup, &pipe]) {
        assert!(path.exists(), "{} was removed", path.display());
    }
    assert!(
        matches!(verify(&config.file, &config.key, None), Err(AuditError::NotAFile(path)) if path == pipe)
    );
    fs::remove_file(pipe).unwrap();
    for path in empty {
        let found = damage(&config);
        assert_eq!(found.file, path, "{found:?}");
        fs::remove_file(path).unwrap();
    }
    let report = check(&config);
    assert!(report.damage.is_none(), "{report:?}");
    assert!(report.files.len() >= 2 && report.first.unwrap() > 1, "two full ones: {report:?}");
    // What was removed stands in a line.
    let said = |text: &str| report.notes.iter().any(|note| note.text.contains(text));
    assert!(said("a server removed the lines before"), "{report:?}");

    run(&Config { keep: 0, ..config.clone() }, DECISIONS);
    // Where its last line has filled a file, there is none at all by now.
    run(&Config { keep: 0, size: Config::SIZE, ..config.clone() }, 1);
    assert!(check(&config).damage.is_none());
    assert_eq!(fs::read_to_string(&backup).unwrap(), "my copy");
}

#[test]
fn one_file_has_one_server_under_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: Config::SIZE, ..config(folder.path()) };
    let file = AuditFile::open(&config).unwrap();
    let named = |name: &str| folder.path().join(name);
    symlink(&config.file, named("soft.log")).unwrap();
    fs::hard_link(&config.file, named("hard.log")).unwrap();
    for name in ["soft.log", "hard.log"] {
        let other = Config { file: named(name), ..config.clone() };
        let error = AuditFile::open(&other).err().unwrap().to_string();
        assert!(error.contains("written by another process"), "{name}: {error}");
    }
    fs::remove_file(named("hard.log")).unwrap();
    decide(&file, 1);
    file.close();
    drop(file);
    let soft = Config { file: folder.path().join("soft.log"), ..config.clone() };
    run(&soft, 1);
    for config in [&soft, &config] {
        let report = check(config);
        assert!(report.damage.is_none() && report.notes.is_empty(), "{report:?}");
    }
}

#[test]
fn a_head_that_is_taken_away_under_a_server_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: Config::SIZE, ..config(folder.path()) };
    let head = folder.path().join("audit.log.head");
    let file = AuditFile::open(&config).unwrap();
    fs::remove_file(&head).unwrap();
    assert!(matches!(AuditFile::open(&config), Err(AuditError::Busy(_))));
    fs::remove_file(&head).unwrap();
    decide(&file, 1);
    let end = Instant::now() + Duration::from_secs(10);
    while !head.exists() {
        assert!(Instant::now() < end, "it writes a head that nobody can read");
        std::thread::yield_now();
    }
    assert!(matches!(AuditFile::open(&config), Err(AuditError::Busy(_))));
    file.close();
    let report = check(&config);
    assert!(report.damage.is_none() && report.notes.is_empty(), "{report:?}");
}

#[test]
fn a_file_that_is_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    run(&config, 1);
    let key = fs::read(&config.key).unwrap();
    for (name, text) in [("a.db", "SQLite format 3\0"), ("notes", "one\ntwo\n"), ("b", "{}\n")] {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let other = Config { file: file.clone(), ..config.clone() };
        let error = AuditFile::open(&other).err().unwrap().to_string();
        assert!(error.contains("is not empty") && error.contains("name another"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    let link = folder.path().join("link");
    symlink(&config.key, &link).unwrap();
    for file in [&config.key, &link] {
        let itself = Config { file: file.clone(), ..config.clone() };
        let error = AuditFile::open(&itself).err().unwrap().to_string();
        assert!(error.contains("is the key"), "{error}");
    }
    assert_eq!(fs::read(&config.key).unwrap(), key);
    // Half of a first line is what a server leaves that was killed.
    let half = Config { file: folder.path().join("half.log"), ..config };
    fs::write(&half.file, "{\"seq\":1,\"ti").unwrap();
    fs::set_permissions(&half.file, fs::Permissions::from_mode(0o600)).unwrap();
    run(&half, 1);
    let report = check(&half);
    assert!(report.damage.is_none() && report.notes.len() == 1, "{report:?}");
}
