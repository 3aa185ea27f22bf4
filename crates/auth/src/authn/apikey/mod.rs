//! API keys: a random secret that is compared by its digest.
//!
//! ```text
//! X-API-Key: mcpk_3f9c2a7d51e08b46_k7Qd…43 characters…_9e1b04c2
//!            │    │                │                   └ CRC-32 of all before it, hexadecimal
//!            │    │                └ 256 random bits, base62
//!            │    └ id: 64 random bits, hexadecimal; not a secret, names the key in logs
//!            └ prefix, for people and for secret scanners
//! ```
//!
//! The same value may come as `Authorization: Bearer`, or as the password of `Basic`.
//!
//! - [`mint`] makes a key. Only the digest leaves it for a store.
//! - [`lookup`] is what a store has to answer: id → record.
//! - [`verify`] is the [`Scheme`](crate::authn::Scheme).
//!
//! The secret is hashed once and not stretched: against 256 random bits nothing is
//! gained by making each guess slow, and each request would pay for it.

pub mod lookup;
pub mod mint;
mod uses;
pub mod verify;

pub use lookup::{KeyRecord, Lookup};
pub use mint::{KeyId, PlainKey};
pub use uses::Uses;
pub use verify::{ApiKeys, OneKey};
