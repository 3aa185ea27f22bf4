//! Authentication and authorization for MCP servers, as tower layers.

mod audit;
pub mod authn;
pub mod authz;
pub mod guard;
mod identity;
mod rejection;
pub mod secret;
mod trace;

pub use identity::Identity;
pub use rejection::{Challenge, Rejection, RejectionBody};
pub use trace::TraceId;
