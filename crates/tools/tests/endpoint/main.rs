//! The tools as a client meets them: JSON-RPC in, through rmcp's HTTP service, JSON-RPC out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod business;
mod endpoint;
mod personal;
mod rights;
mod weather;
