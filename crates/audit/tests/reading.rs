//! Files are read while a server writes them, and what is no file is not read.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod audited;

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use audit::{AuditError, AuditFile, Config, read, verify};
use audited::*;

#[test]
fn whole_files_are_whole_while_a_server_writes() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: 20_000, keep: 3, ..config(folder.path()) };
    let file = AuditFile::open(&config).unwrap();
    thread::scope(|scope| {
        let writes = scope.spawn(|| {
            for _ in 0..8000 {
                decide(&file, 1);
                thread::sleep(Duration::from_micros(200));
            }
        });
        while !writes.is_finished() {
            let report = verify(&config.file, &config.key, None).unwrap();
            assert!(report.damage.is_none(), "{report:?}");
            let mut lines = 0;
            read(&config.file, |record| {
                lines += u64::from(record.is_some());
                true
            })
            .unwrap();
            assert!(lines > 0);
        }
    });
    file.close();
    assert!(check(&config).first.unwrap() > 1, "no file was full: nothing was shown");
}

#[test]
fn pipes_and_devices_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    run(&config, 1);
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
        let read = read(path, |_| true);
        assert!(matches!(read, Err(AuditError::NotAFile(_))), "{read:?}");
        let verified = verify(path, &config.key, None);
        assert!(matches!(verified, Err(AuditError::NotAFile(_))), "{verified:?}");
    }
    std::fs::remove_file(folder.path().join("audit.log.head")).unwrap();
    std::fs::rename(pipe, folder.path().join("audit.log.head")).unwrap();
    assert!(verify(&config.file, &config.key, None).is_err());
}
