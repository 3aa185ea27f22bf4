//! Which files are written, by whom, and which are left alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod audited;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use audit::{AuditError, AuditFile, Config, What};
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
