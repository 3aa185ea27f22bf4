//! What the peek reads is what rmcp reads, or it is refused.
//!
//! The layers judge a `tools/call` before rmcp has parsed it. Were the two to read one body
//! differently, a tool could be judged that is not the one that is called. So bodies in every
//! spelling go through the layers into a real rmcp, and what its handler is asked for has to be
//! what the layers let through.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "properties/bodies.rs"]
mod bodies;
#[path = "properties/cases.rs"]
mod cases;
#[path = "differential/heads.rs"]
mod heads;
#[path = "properties/spelling.rs"]
mod spelling;
#[path = "differential/stack.rs"]
mod stack;
#[path = "differential/table.rs"]
mod table;

use std::cell::Cell;

use bodies::{Body, CLOSED, MODERN, OPEN, body};
use heads::{Head, OLDER};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stack::{Outcome, Stack};

#[test]
fn a_client_of_2026_07_28_is_read_alike() {
    read_alike(heads::modern(), MODERN);
}

#[test]
fn a_client_from_before_is_read_alike() {
    read_alike(heads::older(), OLDER);
}

/// So many bodies, each in its own head; and enough of them got through, and were refused, for
/// that to mean something.
fn read_alike(heads: impl Strategy<Value = Head>, meta: &'static str) {
    let stack = Stack::new();
    let config = cases::cases(4000);
    let enough = config.cases / 16;
    let (called, refused, ambiguous) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u32>, yes: bool| cell.set(cell.get() + u32::from(yes));
    let cases = (heads, body(meta), prop::bool::weighted(0.8));
    let result = TestRunner::new(config.clone()).run(&cases, |(head, body, honest)| {
        let head = if honest && head.name.is_some() { head.honest(&body) } else { head };
        let outcome = stack.send(&head, &body);
        judge(&outcome)?;
        count(&called, !outcome.called.is_empty());
        count(&refused, outcome.status == 403);
        count(&ambiguous, outcome.passed.is_none() && outcome.status == 400);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let (called, refused, ambiguous) = (called.get(), refused.get(), ambiguous.get());
    say(&format!(
        "{} bodies: {called} called a tool, {refused} were refused by the layers, {ambiguous} \
         said something twice",
        config.cases
    ));
    assert!(called >= enough && refused >= enough && ambiguous >= enough / 8, "nothing is shown");
}

/// What holds for every body.
fn judge(outcome: &Outcome) -> Result<(), TestCaseError> {
    let passed = outcome.passed.as_ref();
    for tool in &outcome.called {
        prop_assert!(tool != CLOSED, "a tool was called that nobody may call: {:?}", outcome);
        let judged = passed.and_then(|passed| passed.called_tool());
        prop_assert_eq!(judged, Some(tool.as_str()), "called and judged: {:?}", outcome);
    }
    prop_assert!(outcome.called.len() < 2, "one request called twice: {:?}", outcome);
    // The number of sessions is limited by what the layers take for an `initialize`.
    let opens = passed.is_some_and(|passed| passed.is_initialize());
    prop_assert!(outcome.opened.is_none() || opens, "a session was opened: {:?}", outcome);
    prop_assert!(outcome.status < 500, "{:?}", outcome);
    Ok(())
}

#[test]
fn bodies_that_others_have_fallen_for() {
    let stack = Stack::new();
    let older = Head { session: true, ..Head::older() };
    let heads = [(Head::modern(OPEN), MODERN), (Head::modern(CLOSED), MODERN), (older, OLDER)];
    for (head, meta) in heads {
        for (name, text, expected) in table::rows(meta) {
            let outcome = stack.send(&head, &Body(text.clone()));
            judge(&outcome).unwrap_or_else(|error| panic!("{name}: {head:?}: {error}"));
            let honest = head.name.is_none_or(|name| name == expected.names());
            let came = table::Expected::of(&outcome);
            // A header that names another tool is refused one way or the other.
            let right = came == expected || (!honest && came == table::Expected::Parser);
            assert!(right, "{name}: {head:?}: expected {expected:?}, came {came:?}: {outcome:?}");
        }
    }
}

/// MCP 2026-07-28 has neither streams to get nor sessions to end, also where an older client has.
#[test]
fn without_sessions_there_is_nothing_to_get_and_nothing_to_end() {
    let stack = Stack::new();
    let call = |head: &Head| {
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open"}}"#;
        stack.send(head, &Body(call.as_bytes().to_vec())).called
    };
    let older = Head { session: true, ..Head::older() };
    assert_eq!(call(&older), [OPEN]);
    for method in [http::Method::GET, http::Method::DELETE] {
        assert_eq!(stack.status(method.clone(), &Head::modern(OPEN)), 405, "{method}");
    }
    assert_eq!(call(&older), [OPEN], "the session is still there");
    assert!(stack.status(http::Method::DELETE, &older) < 300);
    assert_eq!(stack.status(http::Method::DELETE, &older), 404);
}

#[allow(clippy::print_stdout, reason = "the counts are what a reader of the test's output wants")]
fn say(line: &str) {
    println!("{line}");
}
