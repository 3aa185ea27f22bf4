//! The real program, on files that the audit has written.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use audit::{AuditFile, Config};
use mcp_auth::TraceId;
use mcp_auth::audit::{Auditor, Basis, Decision, Heads, Outcome};
use store::Store;

/// Runs it in this folder.
fn inspect(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inspect"));
    command.env_clear().current_dir(folder).args(words).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Three decisions: one of bob's calls, one of alice's that was refused, and a stranger.
fn written(folder: &Path) -> TraceId {
    written_with(folder, None)
}

fn written_with(folder: &Path, heads: Option<Arc<dyn Heads>>) -> TraceId {
    let config = Config::new(folder.join("audit.log"), folder.join("keys/audit.key"));
    let file = AuditFile::open(&Config { heads, ..config }).unwrap();
    let trace = TraceId::new();
    let mut bob = Decision::new(Outcome::Allowed);
    (bob.user, bob.method, bob.tool) = (Some("bob"), Some("tools/call"), Some("get_time"));
    (bob.trace, bob.basis) = (Some(trace), Basis::Grant("get_*"));
    file.decided(&bob);
    let mut alice = Decision::new(Outcome::Refused);
    (alice.user, alice.tool, alice.status) = (Some("alice"), Some("erase"), Some(403));
    alice.basis = Basis::Check("not_granted");
    file.decided(&alice);
    let mut stranger = Decision::new(Outcome::Refused);
    (stranger.method, stranger.status) = (Some("\u{1b}[31m\u{202e}x"), Some(401));
    stranger.basis = Basis::Check("no_credential");
    stranger.tool = Some("t\u{9b}\u{202e}");
    file.decided(&stranger);
    file.close();
    trace
}

#[test]
fn verify_says_whether_all_is_whole_and_what_it_cannot_say() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    written(folder);
    let whole = inspect(folder, &["audit", "verify", "audit.log"]);
    assert_eq!(whole.status.code(), Some(0), "{}", error(&whole));
    assert!(text(&whole).starts_with("whole: ") && text(&whole).contains("6 lines, 1 to 6"));
    assert!(text(&whole).contains("whoever has the key can forge"), "{}", text(&whole));
    assert!(!text(&whole).contains('\u{1b}'), "no colours but on a terminal");

    let before = fs::read_to_string(folder.join("audit.log")).unwrap();
    fs::write(folder.join("audit.log"), before.replace("\"alice\"", "\"carol\"")).unwrap();
    let damaged = inspect(folder, &["audit", "verify", "audit.log"]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(
        text(&damaged).starts_with("damaged at audit.log, line 4: line 4 was expected"),
        "{}",
        text(&damaged)
    );
    let json = inspect(folder, &["audit", "verify", "audit.log", "--json"]);
    assert_eq!(json.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_str(&text(&json)).unwrap();
    assert_eq!(document["ok"], false);
    assert_eq!(document["damage"]["what"], "altered");
    assert_eq!(document["damage"]["expected"], 4);

    // With another key it is no use to look at lines.
    let other = tempfile::tempdir().unwrap();
    written(other.path());
    fs::write(folder.join("audit.log"), before).unwrap();
    let key = other.path().join("keys/audit.key");
    let wrong = inspect(folder, &["audit", "verify", "audit.log", "--key", key.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong).contains("under this key"), "{}", text(&wrong));
}

#[test]
fn a_store_that_is_asked_too_knows_what_was_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let store = || Some(Arc::new(Store::open(&folder.join("a.db")).unwrap()) as Arc<dyn Heads>);
    let verify = ["audit", "verify", "audit.log", "--store", "a.db"];
    let missing = inspect(folder, &verify);
    assert_eq!(missing.status.code(), Some(1));
    assert!(error(&missing).contains("there is no store a.db; name"), "{}", error(&missing));
    assert!(!folder.join("a.db").exists(), "it was only looked at");

    let files = ["audit.log", "audit.log.head"];
    written_with(folder, store());
    let before = files.map(|name| fs::read(folder.join(name)).unwrap());
    written_with(folder, store());
    let whole = inspect(folder, &verify);
    assert_eq!(whole.status.code(), Some(0), "{}{}", text(&whole), error(&whole));
    assert!(!text(&whole).contains("looks the same"), "{}", text(&whole));
    for (name, bytes) in files.iter().zip(before) {
        fs::write(folder.join(name), bytes).unwrap();
    }
    assert_eq!(inspect(folder, &verify[..3]).status.code(), Some(0), "the files alone look well");
    let damaged = inspect(folder, &verify);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(text(&damaged).contains("lines went on to 11"), "{}", text(&damaged));

    let copy = folder.join("copy");
    fs::create_dir(&copy).unwrap();
    for name in files {
        fs::copy(folder.join(name), copy.join(name)).unwrap();
    }
    let key = ["--key", "../keys/audit.key", "--store", "../a.db"];
    let unknown = inspect(&copy, &[&verify[..3], &key].concat());
    assert!(text(&unknown).contains("name the path with --written-as"), "{}", text(&unknown));
    let known = inspect(&copy, &[&verify[..3], &key, &["--written-as", "../audit.log"]].concat());
    assert!(text(&known).contains("lines went on to 11"), "{}", text(&known));
}

#[test]
fn show_lists_and_counts_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let trace = written(folder).to_string();
    let show = |flags: &[&str]| {
        let output = inspect(folder, &[&["audit", "show", "audit.log"], flags].concat());
        assert!(output.status.success(), "{}", error(&output));
        text(&output)
    };
    let all = show(&[]);
    assert_eq!(all.lines().count(), 1 + 5, "{all}");
    assert!(all.starts_with("TIME ") && all.contains("grant get_*"), "{all}");
    assert!(!all.contains('\u{1b}') && !all.contains('\u{202e}'), "a terminal is steered: {all:?}");
    for (flags, expected) in [
        (&["--user", "bob"][..], "get_time"),
        (&["--tool", "erase"], "not_granted"),
        (&["--decision", "allowed"], "bob"),
        (&["--trace-id", &trace], "bob"),
        (&["--decision", "refused", "--user", "alice", "--since", "1h"], "erase"),
        (&["--last", "1"], "ended"),
    ] {
        let found = show(flags);
        assert!(found.lines().count() == 2 && found.contains(expected), "{flags:?}: {found}");
    }
    for flags in [&["--since", "2100-01-01"][..], &["--until", "1h"], &["--user", "carol"]] {
        assert_eq!(show(flags), "", "{flags:?}");
    }
    let lines = show(&["--json", "--user", "alice"]);
    let record: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&record["status"], &record["seq"]), (&403.into(), &4.into()));
    assert!(show(&["--json"]).contains(r"\u001b[31m\u202ex"));

    let counted = show(&["--summary"]);
    assert!(counted.starts_with("3 decisions from "), "{counted}");
    assert!(counted.contains("       2  refused\n       1  allowed\n"), "{counted}");
    let counted = show(&["--summary", "--json"]);
    assert!(!counted.contains('\u{9b}') && counted.contains(r"t\u009b\u202e"), "{counted}");
    let counted: serde_json::Value = serde_json::from_str(&counted).unwrap();
    assert_eq!(counted["by_rule"]["grant get_*"], 1);
    assert_eq!(counted["by_user"]["alice"], 1);
}

#[test]
fn what_cannot_be_read_is_1_and_what_was_mistyped_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let missing = inspect(folder, &["audit", "verify", "audit.log"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        error(&missing).starts_with("inspect: cannot read keys/audit.key"),
        "{}",
        error(&missing)
    );
    let json = inspect(folder, &["audit", "show", "audit.log", "--json"]);
    assert_eq!(json.status.code(), Some(1));
    assert!(text(&json).contains("\"ok\": false") && text(&json).contains("--audit-file"));
    for words in [&["audit", "verify"][..], &["audit", "show", "x", "--since", "soon"], &["other"]]
    {
        assert_eq!(inspect(folder, words).status.code(), Some(2), "{words:?}");
    }
    written(folder);
    fs::write(folder.join("audit.log"), "no line\n").unwrap();
    // A cause is said once.
    let loop_path = folder.join("loop");
    std::os::unix::fs::symlink(&loop_path, &loop_path).unwrap();
    let endless = error(&inspect(folder, &["audit", "show", "loop"]));
    assert_eq!(endless.matches("os error").count(), 1, "{endless}");
    // A name is no way to steer a terminal.
    let name = "a\u{1b}[31m\u{9b}2J";
    for flags in [&["audit", "show", name][..], &["audit", "show", name, "--json"]] {
        let output = inspect(folder, flags);
        let said = text(&output) + &error(&output);
        assert!(said.contains("no audit file"), "{said:?}");
        assert!(!said.contains(['\u{1b}', '\u{9b}']), "{said:?}");
    }
    fs::write(folder.join(name), "no line\n").unwrap();
    for flags in [&["audit", "verify", name][..], &["audit", "verify", name, "--json"]] {
        let said = text(&inspect(folder, flags));
        assert!(said.contains("line 1 was expected"), "{said:?}");
        assert!(!said.contains(['\u{1b}', '\u{9b}']), "{said:?}");
    }
    let shown = inspect(folder, &["audit", "show", "audit.log"]);
    assert!(error(&shown).contains("lines that cannot be read: 1; run: inspect audit verify"));
}
