//! May you? Roles, scopes and key grants on one side, tools on the other.
//!
//! Nothing in here has ever seen a credential: it starts from an
//! [`Identity`](crate::Identity).
//!
//! 1. [`Policy`] says which roles and scopes reach which tools. It is plain data,
//!    checked against the [`Catalogue`] of tools when it is loaded.
//! 2. [`Policy::permit`] joins one policy and one identity to a [`Permit`].
//! 3. [`layer`] judges `tools/call` by the Permit from the body that [`peek`] has read, so
//!    that a refusal has the right HTTP status. The MCP handler asks the same Permit
//!    again about what it parsed, and is the authority.

mod bodies;
mod catalogue;
mod continued;
pub mod layer;
pub mod peek;
mod permit;
mod policy;

pub use catalogue::{Catalogue, CatalogueTool, Rule};
pub use continued::{Continued, TraceContext};
pub use permit::{Permit, Verdict};
pub use policy::{Policy, PolicyError, is_scope_token};
