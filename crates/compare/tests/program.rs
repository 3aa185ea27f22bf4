//! The program as a user or a script runs it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn json_is_one_document_that_holds_everything() {
    let output = compare(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["right"], true);
    let situations = report["situations"].as_array().unwrap();
    assert_eq!(situations.len(), 13);
    for row in situations {
        for scheme in ["apikey", "jwt", "rbac"] {
            let cell = &row["cells"][scheme];
            assert_eq!(cell["right"], true, "{scheme}: {row}");
            assert!(cell["status"].as_str().unwrap().parse::<u16>().unwrap() >= 200, "{row}");
        }
    }
    let costs = report["costs"].as_array().unwrap();
    assert_eq!(costs.len(), 4);
    assert_eq!(costs[0]["scheme"], Value::Null);
    for cost in costs {
        let call = &cost["call"];
        assert!(
            call["p50_us"].as_u64().unwrap() > 0
                && call["p50_us"].as_u64() <= call["p99_us"].as_u64()
        );
    }
    for cost in &costs[1..] {
        assert!(cost["verify_again_ns"].as_u64().unwrap() > 0);
        assert!(cost["verify_ns"].as_u64().unwrap() > 0 && cost["bytes"].as_u64().unwrap() > 80);
    }
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0);
    assert!(report["abilities"].as_array().unwrap().len() >= 8);
}

#[test]
fn markdown_is_what_a_readme_takes() {
    let output = compare(&["--markdown"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let markdown = text(&output.stdout);
    assert!(markdown.contains("| valid, tool not allowed "), "{markdown}");
    assert!(markdown.contains("✓ 403 insufficient_scope"), "{markdown}");
    assert!(!markdown.contains('✗') && !markdown.contains('\u{1b}'), "{markdown}");
    // A debug build's figures are marked as such.
    assert_eq!(markdown.contains("these figures mean nothing"), cfg!(debug_assertions));
}

/// The README shows what this prints, whoever measured the figures.
#[test]
fn the_readme_says_what_the_program_says() {
    let readme = std::fs::read_to_string("../../README.md").unwrap();
    let (_, shown) = readme.split_once("<!-- compare:").unwrap();
    let (shown, _) = shown.split_once("<!-- /compare -->").unwrap();
    let printed = compare(&["--markdown"]);
    let missing: Vec<_> =
        lines(text(&printed.stdout)).difference(&lines(shown.into())).cloned().collect();
    assert!(
        missing.is_empty(),
        "README.md lacks these; put in the output of: cargo run --release -p compare -- --markdown\n{}",
        missing.join("\n")
    );
}

/// Rows of tables without what differs from run to run: figures, and the spaces that fill cells.
fn lines(text: String) -> std::collections::BTreeSet<String> {
    let rows = text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let figures = |line: &str| {
        let measured = ["verification", "one whole", "credential per"];
        measured.iter().any(|word| line.contains(word))
    };
    // Each "93 ms later", without the number.
    let plain = |line: String| {
        let parts = line.split(" ms later").map(|part| part.trim_end_matches(char::is_numeric));
        parts.collect::<Vec<_>>().join("ms later")
    };
    rows.filter(|line| !figures(line)).map(|line| plain(words(line))).collect()
}

/// With a bound that a machine keeps which does something else.
#[test]
fn it_is_measured_how_soon_a_revocation_counts() {
    let output = compare(&["revocation", "--count", "3", "--json"]);
    let bounds: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = bounds["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6, "{bounds}");
    for row in rows {
        let (least, most) = (row["min_ms"].as_f64().unwrap(), row["max_ms"].as_f64().unwrap());
        assert!(row["count"] == 3 && least <= most && most < 8_000.0, "{row}");
    }
    let refused = rows.iter().filter(|row| row["what"] == "refused");
    // Nobody knows of it before the store is looked at, which takes a moment at least.
    assert!(refused.clone().count() == 3 && refused.clone().all(|row| row["min_ms"] != 0.0));
    let none = compare(&["revocation", "--count", "0"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn help_teaches_and_a_wrong_flag_is_named() {
    let help = compare(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["--json", "--markdown", "Exit code", "cargo run --release -p compare"] {
        assert!(text(&help.stdout).contains(word), "{word}");
    }
    let wrong = compare(&["--jsn"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("--json"));
}

fn compare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
