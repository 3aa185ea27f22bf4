//! What `docs/security.md` points to is there, and no row of it is left out.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The labels that have a row, each with its last number.
const LABELS: [(&str, u32); 3] = [("R", 38), ("A", 22), ("T", 47)];

#[test]
fn every_file_and_test_that_is_named_is_there() {
    let mut missing = Vec::new();
    let mut named = 0;
    for pointer in page().split('`').skip(1).step_by(2).filter(|code| code.contains(".rs")) {
        named += 1;
        let (path, test) = pointer.split_once("::").unwrap_or((pointer, ""));
        match fs::read_to_string(root().join("crates").join(path)) {
            Err(error) => missing.push(format!("{pointer}: {error}")),
            Ok(text) if !is_there(&text, test) => missing.push(format!("{pointer}: no such test")),
            Ok(_) => {}
        }
    }
    assert!(named > 100, "only {named} pointers were found");
    assert!(missing.is_empty(), "docs/security.md points to nothing:\n{}", missing.join("\n"));
}

#[test]
fn every_row_is_there_once_and_shows_a_test_or_says_why_not() {
    let page = page();
    let rows: Vec<Vec<&str>> = page.lines().filter_map(row).collect();
    let mut found = BTreeMap::<&str, usize>::new();
    for row in &rows {
        *found.entry(row[0]).or_default() += 1;
        let shown = row[3].contains(".rs::");
        assert!(shown || row[1].contains("Left out"), "{} shows nothing and says nothing", row[0]);
    }
    for (letter, last) in LABELS {
        for label in (1..=last).map(|number| format!("{letter}{number}")) {
            assert_eq!(found.remove(label.as_str()), Some(1), "rows of {label}");
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

/// A test by its name, or the rows of the hostile table with that label.
fn is_there(text: &str, test: &str) -> bool {
    match test {
        "" => true,
        label if is_label(label) => text.contains(&format!("\"{label}\"")),
        name => text.contains(&format!("fn {name}(")),
    }
}

/// The cells of a row that starts with a label.
fn row(line: &str) -> Option<Vec<&str>> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    match cells[..] {
        ["", label, what, file, shown, ""] if is_label(label) => {
            Some(vec![label, what, file, shown])
        }
        _ => None,
    }
}

fn is_label(text: &str) -> bool {
    LABELS.iter().any(|(letter, _)| {
        let number = text.strip_prefix(letter).unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn page() -> String {
    fs::read_to_string(root().join("docs/security.md")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
