//! The suite on a SQLite file.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod place;
mod suite;
