//! The program beside servers that other people wrote.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::io::Write;
use std::process::{Command, Output};

use compare::installed;
use serde_json::Value;

#[test]
fn peers_are_asked_the_same_and_have_columns_of_their_own() {
    if let Err(why) = installed::python() {
        assert!(std::env::var_os("MCP_AUTH_REQUIRE_FOREIGN").is_none(), "{why}");
        let _ = writeln!(std::io::stderr(), "skipped: {why}");
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(["peers", "--json"]).output();
    let report = report(&output.unwrap());
    let peers = report["peers"]["seen"].as_array().unwrap();
    assert_eq!(peers.len(), 2);
    let ours: Vec<&Value> =
        report["situations"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    for peer in peers {
        let version = installed::python_version("fastmcp").unwrap();
        assert!(peer["title"].as_str().unwrap().contains(version), "{peer}");
        let cells = peer["situations"].as_object().unwrap();
        assert!(
            cells.len() == ours.len()
                && ours.iter().all(|id| cells.contains_key(id.as_str().unwrap()))
        );
        // None of its credentials is refused for something else than what it is meant to show.
        for (id, status) in
            [("allowed", "200"), ("own_data", "200"), ("wrong", "401"), ("expired", "401")]
        {
            assert_eq!(
                (&cells[id]["status"], &cells[id]["right"]),
                (&status.into(), &true.into()),
                "{id}: {peer}"
            );
        }
        assert!(cells.values().all(|cell| cell["status"] != "none"), "{peer}");
        assert!(peer["call"]["p50_us"].as_u64().unwrap() > 0, "{peer}");
    }
}

#[test]
fn peers_that_are_not_installed_are_left_out_and_it_is_said_how_to_get_them() {
    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(["peers", "--json"])
        .env("XDG_CACHE_HOME", nowhere.path())
        .output();
    let report = report(&output.unwrap());
    let why = report["peers"]["left_out"].as_str().unwrap();
    assert!(why.contains("scripts/foreign.sh"), "{why}");
    assert_eq!(report["situations"].as_array().unwrap().len(), 13);
}

/// What a peer does is nothing that the exit code tells.
fn report(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
