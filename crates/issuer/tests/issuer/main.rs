//! The endpoints as a client meets them.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod endpoint;
mod metadata;
mod revoke;
mod strict;
mod token;
