//! Authentication and authorization for MCP servers, as tower layers.
//!
//! A request passes, from the outside in:
//!
//! 1. [`guard::front`]: sizes, headers sent twice, `Host` and `Origin`.
//! 2. [`authn::layer`]: a [`Scheme`](authn::Scheme) turns the one credential into an
//!    [`Identity`]; the credential is taken out of the request.
//! 3. [`authz::peek`]: the body is read once, for method and tool.
//! 4. [`guard::session`]: a session is only its owner's.
//! 5. [`authz::layer`]: a [`Policy`](authz::Policy) and the identity make a
//!    [`Permit`](authz::Permit), and a `tools/call` that it does not allow ends here.
//!
//! Whatever is refused on the way is a [`Rejection`], which alone decides what the client is
//! told and what the log. The README shows the layers around an rmcp server.

pub mod audit;
pub mod authn;
pub mod authz;
pub mod dotenv;
pub mod file;
pub mod guard;
mod identity;
mod live;
pub mod metrics;
mod rejection;
mod scalar;
pub mod secret;
mod sentence;
pub mod shell;
pub mod shown;
mod trace;

pub use identity::Identity;
pub use live::Live;
pub use rejection::{Challenge, Rejection, RejectionBody};
pub use sentence::sentence;
pub use trace::TraceId;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
