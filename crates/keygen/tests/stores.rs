//! Copies of the store, and one store taken over by another.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "other tests use all of it")]
mod shell;

use std::fs;

use serde_json::json;

use crate::shell::Shell;

#[test]
fn what_one_store_has_is_in_the_other_and_neither_is_written_over() {
    let shell = Shell::new();
    let missing = shell.fails(&["--store", "new.db", "import", "keys/credentials.db"]);
    assert!(missing.contains("there is no store keys/credentials.db"), "{missing}");
    fs::write(shell.path("empty"), "").unwrap();
    assert!(shell.fails(&["--store", "new.db", "import", "empty"]).contains("there is no store"));
    fs::write(shell.path("other"), "something else").unwrap();
    shell.fails(&["--store", "new.db", "import", "other"]);
    assert!(!shell.path("new.db").exists() && !shell.path("keys").exists());
    assert_eq!(fs::read(shell.path("empty")).unwrap(), b"");

    for (owner, file) in [("bob", "bob.apikey"), ("alice", "alice.apikey")] {
        let create = ["apikey", "create", "--owner", owner, "--name", "Laptop", "--out", file];
        shell.ok(&create);
    }
    let keys = shell.json(&["apikey", "list"]);
    let id = keys[0]["id"].as_str().unwrap();
    shell.ok(&["apikey", "revoke", id]);
    let import = ["--store", "new.db", "import", "keys/credentials.db"];
    let done = shell.json(&import);
    let expected = json!({
        "store": "new.db", "from": "keys/credentials.db", "keys": 2, "clients": 0, "revocations": 0,
    });
    assert_eq!(done, expected);
    let (old, new) = (["apikey", "list"], ["--store", "new.db", "apikey", "list"]);
    assert_eq!(shell.json(&new), shell.json(&old));
    assert!(shell.json(&new)[0]["revoked"].is_string());

    let before = fs::read(shell.path("new.db")).unwrap();
    assert!(shell.fails(&import).contains("new.db holds something already"));
    assert_eq!(fs::read(shell.path("new.db")).unwrap(), before);
    let text = shell.ok(&["--store", "third.db", "import", "new.db"]);
    assert!(text.contains("took over from new.db: API keys 2, clients 0, revocations 0"), "{text}");
    assert!(text.contains("--store third.db") && text.contains("change the old store no more"));
}

#[test]
fn a_copy_is_whole_and_private_and_replaces_nothing() {
    let shell = Shell::new();
    assert!(shell.fails(&["backup", "copy.db"]).contains("there is no store"));
    let create = ["apikey", "create", "--owner", "bob", "--name", "Laptop", "--out", "key"];
    let id = shell.json(&create)["id"].clone();
    assert!(shell.ok(&["backup", "copy.db"]).contains("mv copy.db keys/credentials.db"));
    assert_eq!(shell.mode("copy.db"), 0o600);
    assert_eq!(shell.json(&["--store", "copy.db", "apikey", "list"])[0]["id"], id);
    let before = fs::read(shell.path("copy.db")).unwrap();
    assert!(shell.fails(&["backup", "copy.db"]).contains("not there yet"));
    assert_eq!(fs::read(shell.path("copy.db")).unwrap(), before);
    assert!(shell.fails(&["backup", "nowhere/copy.db"]).contains("cannot write"));
}
