//! What cannot be written is waited for or counted, and never forgotten.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod audited;

use std::fs;
use std::time::{Duration, Instant};

use audit::{AuditFile, Config, Mode, Record};
use audited::*;
use mcp_auth::audit::{Auditor, Decision, Outcome};

#[test]
fn while_nothing_can_be_written_it_says_so_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: 1, ..config(folder.path()) };
    let file = AuditFile::open(&config).unwrap();
    assert!(file.ready().is_ok());
    // Where the next full file would go, something lies already.
    let blocked = folder.path().join("audit.log.000000000004");
    fs::create_dir(&blocked).unwrap();
    decide(&file, 1);
    while file.ready().is_ok() {
        std::thread::yield_now();
    }
    let refused = file.ready().unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.retry_after()), (503, Some(1)));
    fs::remove_dir(&blocked).unwrap();
    while file.ready().is_err() {
        std::thread::yield_now();
    }
    decide(&file, 1);
    file.close();
    let report = check(&config);
    assert!(report.damage.is_none(), "{report:?}");
    let users = files(&config).iter().flat_map(|(_, lines)| lines.clone()).collect::<String>();
    assert_eq!(users.matches("bob").count(), 2);

    // With best effort it would not have said so.
    let config = Config { mode: Mode::BestEffort, size: 1, ..config };
    let last = check(&config).last.unwrap();
    let file = AuditFile::open(&config).unwrap();
    fs::create_dir(folder.path().join(format!("audit.log.{:012}", last + 4))).unwrap();
    decide(&file, 5);
    assert!(file.ready().is_ok());
    file.close();
}

#[test]
fn with_best_effort_each_decision_is_a_line_or_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: 1, mode: Mode::BestEffort, ..config(folder.path()) };
    let file = AuditFile::open(&config).unwrap();
    // The first file is full already, and there can be no second one.
    fs::create_dir(&config.file).unwrap();
    let mut strangers = 0;
    for _ in 0..3 {
        for _ in 0..700 {
            file.decided(&Decision::new(Outcome::Refused));
            strangers += 1;
        }
        decide(&file, 5);
        // Longer than until the next count.
        std::thread::sleep(Duration::from_millis(1100));
    }
    fs::remove_dir(&config.file).unwrap();
    decide(&file, 1);
    file.close();
    let of_strangers =
        sum(&config, |record| (record.user.is_none() && record.decision.is_some()).then_some(1));
    let of_bob = sum(&config, |record| record.user.as_ref().map(|_| 1));
    let (refused, lost) =
        (sum(&config, |record| record.refused), sum(&config, |record| record.lost));
    assert_eq!(of_strangers + of_bob + refused + lost, strangers + 16, "{of_bob} {refused} {lost}");
    assert!(check(&config).damage.is_none());
}

#[test]
fn what_was_counted_is_written_without_another_decision() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: Config::SIZE, ..config(folder.path()) };
    let file = AuditFile::open(&config).unwrap();
    let decisions = |record: &Record| record.decision.as_ref().map(|_| 1);
    let mut strangers = 0;
    for more in [1500, 50] {
        for _ in 0..more {
            file.decided(&Decision::new(Outcome::Refused));
        }
        strangers += more;
        let end = Instant::now() + Duration::from_secs(20);
        while sum(&config, |record| record.refused) + sum(&config, decisions) < strangers {
            assert!(Instant::now() < end, "it stays in memory");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn with_best_effort_it_starts_where_there_can_be_no_key_yet() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("keys");
    fs::write(&blocked, "").unwrap();
    let config = Config { key: blocked.join("audit.key"), ..config(folder.path()) };
    assert!(AuditFile::open(&config).is_err());
    let config = Config { mode: Mode::BestEffort, ..config };
    let file = AuditFile::open(&config).unwrap();
    fs::remove_file(&blocked).unwrap();
    decide(&file, 1);
    file.close();
    assert!(check(&config).damage.is_none());
    let decided = |record: &Record| record.lost.or(record.user.as_ref().map(|_| 1));
    assert_eq!(sum(&config, decided), 1);
}
