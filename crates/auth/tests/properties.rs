//! Every parser that sees a stranger's bytes, tried at random: it never panics, never takes
//! what its grammar refuses, and takes what its grammar allows.
//!
//! The grammars are written here a second time, by hand, from the RFC that each file names.
//! `PROPTEST_CASES` says how many cases each property is tried with.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "properties/bodies.rs"]
mod bodies;
#[path = "properties/cases.rs"]
mod cases;
#[path = "properties/credential.rs"]
mod credential;
#[path = "properties/front.rs"]
mod front;
#[path = "properties/json.rs"]
mod json;
#[path = "properties/jwt.rs"]
mod jwt;
#[path = "properties/key.rs"]
mod key;
#[path = "properties/peek.rs"]
mod peek;
#[path = "properties/peer.rs"]
mod peer;
#[path = "properties/policy.rs"]
mod policy;
#[path = "properties/scopes.rs"]
mod scopes;
#[path = "properties/spelling.rs"]
mod spelling;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cases::cases;

/// The outcome of what waits for nothing.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits for something"),
    }
}

/// Bytes that no header can hold become others.
fn as_header(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in &mut bytes {
        if matches!(*byte, 0..=8 | 10..=31 | 127) {
            *byte |= 0x80;
        }
    }
    bytes
}
