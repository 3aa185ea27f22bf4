//! What a busy server costs: the programs run, and every answer is looked at. Times are no matter here.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const COMPARE: &str = env!("CARGO_BIN_EXE_compare");

#[test]
fn every_server_is_put_under_load_beside_the_ones_without_protection() {
    let load = ["load", "--lasts", "20ms", "--rounds", "1", "--connections", "2", "--json"];
    let done = compare(&load);
    if !Path::new(COMPARE).with_file_name("plain").is_file() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(said.contains("cargo build --release -p plain"), "{said}");
        assert_eq!(done.status.code(), Some(1));
        return;
    }
    let made = json(&done);
    let rows = made["rows"].as_array().unwrap();
    let statuses: Vec<_> = rows.iter().map(|row| row["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [[200; 8].as_slice(), &[401; 5]].concat());
    for row in rows {
        assert!(row["per_second"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["p50_us"].as_f64().unwrap() <= row["p99_us"].as_f64().unwrap(), "{row}");
    }
    assert_eq!(made["starts"].as_array().unwrap().len(), 3);
}

#[test]
fn a_number_of_requests_is_turned_into_processors() {
    let made = json(&compare(&["size", "--requests", "1000000", "--scheme", "apikey", "--json"]));
    let number = |name: &str| made[name].as_f64().unwrap();
    assert!(
        (number("busy_cores") - number("cpu_us")).abs() < 1e-6,
        "a million of one each: {made}"
    );
    assert!(number("cores") * 0.6 >= number("busy_cores"), "none of them is too busy: {made}");
    assert_eq!(made["measured"]["status"], 200);
}

#[test]
fn a_scheme_that_does_not_exist_is_answered_with_those_that_do() {
    let done = compare(&["size", "--requests", "1", "--scheme", "basic"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.code() == Some(2) && said.contains("give apikey, jwt or rbac"), "{said}");
}

fn compare(arguments: &[&str]) -> Output {
    Command::new(COMPARE).args(arguments).output().unwrap()
}

fn json(done: &Output) -> Value {
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    serde_json::from_slice(&done.stdout).unwrap()
}
