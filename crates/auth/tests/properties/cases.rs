//! How many cases a property is tried with.

use proptest::test_runner::Config;

/// So many, or as many as `PROPTEST_CASES` says.
pub(crate) fn cases(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config {
        cases: asked.unwrap_or(cases),
        // A case that failed becomes a row of a table, where it can be read.
        failure_persistence: None,
        ..Config::default()
    }
}
