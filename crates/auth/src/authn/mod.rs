//! Who are you? A scheme turns the head of a request into an [`Identity`](crate::Identity).
//!
//! 1. [`credential`] finds the one credential in the headers, or says that there is none.
//! 2. A [`Scheme`] verifies it: [`apikey`] or [`jwt`].
//! 3. [`layer`] removes the credential from the request and puts the identity in its place.
//!
//! [`expiry`] warns of the end of a credential. [`Standing`] knows what became of a credential since, for what is open for it.
//! [`client`] is the same question at a token endpoint. Nothing in here knows a tool.

pub mod apikey;
pub mod client;
pub mod credential;
pub mod expiry;
pub mod jwt;
pub mod layer;
mod scheme;
mod standing;

pub use scheme::Scheme;
pub use standing::Standing;
