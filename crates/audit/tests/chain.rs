//! What is found when somebody has been at the files, and what is not damage.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod audited;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use audit::{AuditFile, Config, Damage, Report, What};
use audited::*;
use proptest::prelude::*;

#[test]
fn what_was_written_is_whole_in_private_files_over_starts_and_full_files() {
    let (_folder, config) = copy();
    let report = check(&config);
    assert!(report.damage.is_none() && report.notes.is_empty(), "{report:?}");
    assert!(report.files.len() > 3, "{report:?}");
    let files = files(&config);
    let lines: Vec<_> = files.iter().flat_map(|(_, lines)| lines).collect();
    assert_eq!(report.lines, lines.len() as u64);
    let users = lines.iter().filter(|line| line.contains(r#""user":"bob""#)).count();
    assert_eq!(users, DECISIONS);
    for entry in fs::read_dir(WRITTEN.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn only_so_many_full_files_are_kept_and_the_rest_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { keep: 2, ..config(folder.path()) };
    for _ in 0..6 {
        run(&config, DECISIONS);
    }
    let report = check(&config);
    assert!(report.damage.is_none(), "{report:?}");
    assert!(report.files.len() <= 3 && report.first.unwrap() > 1, "{report:?}");
}

#[test]
fn each_kind_of_damage_is_named_and_where_it_is() {
    let (_folder, config) = copy();
    let before = files(&config);
    let (path, lines) = &before[1];
    let at = lines.iter().position(|line| line.contains("bob")).unwrap();
    let expected = (before[0].1.len() + at + 1) as u64;
    let place = |found: &Damage| (found.what, found.line, found.expected);

    let mut altered = before.clone();
    altered[1].1[at] = lines[at].replace("bob", "eve");
    write(&altered);
    let found = damage(&config);
    assert_eq!(place(&found), (What::Altered, at as u64 + 1, expected));
    assert_eq!(&found.file, path);

    let mut missing = before.clone();
    missing[1].1.remove(at);
    write(&missing);
    assert_eq!(place(&damage(&config)), (What::Missing, at as u64 + 1, expected));

    let mut swapped = before.clone();
    swapped[1].1.swap(at, at + 1);
    write(&swapped);
    assert_eq!(place(&damage(&config)), (What::Reordered, at as u64 + 1, expected));

    let mut twice = before.clone();
    twice[1].1.insert(at + 1, lines[at].clone());
    write(&twice);
    assert_eq!(damage(&config).what, What::Reordered);

    let mut made_up = before.clone();
    made_up[1].1.insert(3, "{\"seq\":1}".to_owned());
    write(&made_up);
    assert!(check(&config).damage.is_some());

    let mut cut_off = before.clone();
    cut_off.last_mut().unwrap().1.pop();
    write(&cut_off);
    assert_eq!(damage(&config).what, What::CutOff);

    write(&before);
    assert!(check(&config).damage.is_none());
    fs::remove_file(&before[0].0).unwrap();
    assert_eq!(damage(&config).what, What::Missing);
    write(&before[..1]);
    fs::remove_file(path).unwrap();
    assert_eq!(damage(&config).what, What::Missing);
    write(&before);
    fs::remove_file(&config.file).unwrap();
    assert_eq!(damage(&config).what, What::CutOff);
    write(&before);
    fs::remove_file(folder_of(&config).join("audit.log.head")).unwrap();
    assert_eq!(damage(&config).what, What::Unproven);
}

#[test]
fn a_server_goes_on_after_damage_and_mends_nothing() {
    let (folder, config) = copy();
    let mut cut_off = files(&config);
    cut_off.last_mut().unwrap().1.pop();
    write(&cut_off);
    run(&config, 3);
    let found = damage(&config);
    assert_eq!(found.what, What::Missing, "{found:?}");

    drop(folder);
    let (_folder, config) = copy();
    fs::remove_file(folder_of(&config).join("audit.log.head")).unwrap();
    run(&config, 3);
    let found = damage(&config);
    assert_eq!(found.what, What::Unproven, "{found:?}");
    assert!(found.text.contains("no head file"), "{found:?}");
}

#[test]
fn half_a_line_is_left_as_it_is_and_said_to_be_one() {
    let (_folder, config) = copy();
    let config = Config { size: Config::SIZE, ..config };
    let lines = check(&config).lines;
    for half in ["{\"seq\":99,\"time\":\"2026", "x\n", "\n\n{\"seq\""] {
        let mut file = fs::OpenOptions::new().append(true).open(&config.file).unwrap();
        file.write_all(half.as_bytes()).unwrap();
        drop(file);
        run(&config, 3);
        let text = files(&config).into_iter().flat_map(|(_, lines)| lines).collect::<Vec<_>>();
        assert!(text.join("\n").contains(half.trim()), "it is still there");
    }
    let report = check(&config);
    assert!(report.damage.is_none(), "{report:?}");
    assert_eq!(report.notes.len(), 3, "{report:?}");
    assert!(report.lines > lines + 9);

    // It cannot be said of lines that were whole.
    let altered = fs::read_to_string(&config.file).unwrap();
    fs::write(&config.file, altered.trim_end().trim_end_matches('}')).unwrap();
    run(&config, 1);
    assert_eq!(damage(&config).what, What::Altered);
}

fn says(report: &Report, text: &str) -> bool {
    report.notes.iter().any(|note| note.text.contains(text))
}

#[test]
fn an_older_head_that_is_put_back_is_seen_now_and_after_the_next_start() {
    for (kept, what) in [(20, None), (1500, Some(What::Unproven))] {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { size: Config::SIZE, ..config(folder.path()) };
        let head = folder.path().join("audit.log.head");
        run(&config, 3);
        let older = fs::read(&head).unwrap();
        run(&config, 2500);
        assert!(check(&config).notes.is_empty());
        fs::write(&head, older).unwrap();
        let mut cut = files(&config);
        cut[0].1.truncate(kept);
        write(&cut);
        for _ in 0..2 {
            let report = check(&config);
            assert_eq!(report.damage.as_ref().map(|damage| damage.what), what, "{report:?}");
            if what.is_none() {
                assert!(says(&report, "older head"), "{report:?}");
            }
            run(&config, 1);
        }
    }
}

#[test]
fn another_file_under_the_same_key_is_no_substitute() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let other = Config { file: folder.path().join("two.log"), ..config.clone() };
    run(&config, 3);
    run(&other, 3);
    fs::copy(&other.file, &config.file).unwrap();
    fs::copy(folder.path().join("two.log.head"), folder.path().join("audit.log.head")).unwrap();
    let found = damage(&config);
    assert!(found.what == What::Altered && found.text.contains("two.log"), "{found:?}");
    assert!(check(&other).damage.is_none());
}

#[test]
fn that_a_server_was_killed_is_told_from_that_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { size: Config::SIZE, ..config(folder.path()) };
    run(&config, 1);
    let file = AuditFile::open(&config).unwrap();
    decide(&file, 1);
    while !fs::read_to_string(&config.file).unwrap().contains(r#""seq":6,"#)
        || !check(&config).notes.is_empty()
    {
        std::thread::yield_now();
    }
    // What lies there now is what a server leaves that is killed now.
    let killed = tempfile::tempdir().unwrap();
    for name in ["audit.log", "audit.log.head", "audit.key"] {
        fs::copy(folder.path().join(name), killed.path().join(name)).unwrap();
    }
    file.close();
    let report = check(&config);
    assert!(report.ended && report.notes.is_empty(), "{report:?}");
    let config = Config { size: Config::SIZE, ..audited::config(killed.path()) };
    assert!(!check(&config).ended);
    run(&config, 1);
    let report = check(&config);
    assert!(report.damage.is_none() && report.ended, "{report:?}");
    assert!(report.notes.len() == 1 && says(&report, "had not ended"), "{report:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is done to any byte or line, it is found.
    #[test]
    fn nothing_is_changed_unseen(
        kind in 0..4, file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let (_folder, config) = copy();
        let mut all = files(&config);
        let file = file.index(all.len());
        let (path, lines) = &mut all[file];
        match kind {
            0 => {
                let mut bytes = fs::read(&*path).unwrap();
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
                fs::write(&*path, bytes).unwrap();
            }
            1 => {
                let at = at.index(lines.len());
                lines.remove(at);
                write(&all);
            }
            2 => {
                let (one, two) = (at.index(lines.len()), other.index(lines.len()));
                prop_assume!(one != two);
                lines.swap(one, two);
                write(&all);
            }
            _ => {
                let bytes = fs::read(&*path).unwrap();
                fs::write(&*path, &bytes[..at.index(bytes.len())]).unwrap();
            }
        }
        prop_assert!(check(&config).damage.is_some());
    }
}
