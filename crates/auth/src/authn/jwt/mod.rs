//! Signed tokens (RFC 7519) in the profile for access tokens (RFC 9068).
//!
//! ```text
//! Authorization: Bearer eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiIsImtpZCI6…
//!                       └ {"typ":"at+jwt","alg":"RS256","kid":"…"} . {"iss":…,"sub":…} . signature
//! ```
//!
//! - [`mint`] signs; only whoever holds a private key or a secret can make a `Signer`.
//! - [`key_file`] is how keys lie in a file, of which [`Signers`] sign one after the other.
//! - [`keys`] holds what verifies, by `kid`. The key decides the algorithm, never the token.
//! - [`jwks`] is how public keys travel.
//! - [`verify`] is the [`Scheme`](crate::authn::Scheme), for HS256 and RS256 alike.
//! - [`remembered`] spares the second look at a token that was verified before.
//! - [`revocation`] is asked whether a token was taken back before its end.

mod claims;
pub mod jwks;
pub mod key_file;
pub mod keys;
mod members;
pub mod mint;
pub mod remembered;
pub mod revocation;
mod rules;
mod signers;
pub mod verify;

pub use claims::Claims;
pub use jwks::JwksError;
pub use key_file::KeyFileError;
pub use keys::{KeyError, KeySet, Keys, VerifyingKey};
pub use mint::Signer;
pub use revocation::{Revocations, Revoke, RevokedToken, TokenName};
pub use rules::Rules;
pub use signers::Signers;
pub use verify::JwtVerifier;
