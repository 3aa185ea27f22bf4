//! How a server of this workspace is run. Shared by the three.
//!
//! In the order in which a server goes through them:
//!
//! 1. [`main`] reads `.env`, then the flags ([`Options`]), and sets up the log.
//! 2. [`Server::prepare`] opens keys, stores and policies. All that can be wrong with them is
//!    said here, before anything is bound.
//! 3. [`bind`] takes the port, and from it follows the [`PublicUrl`].
//! 4. [`Server::app`] puts the layers together: [`mcp()`] is innermost, [`Outer`] outermost; and
//!    [`app_of`] puts around it who is told of every decision ([`Audit`]).
//! 5. [`run()`] serves until Ctrl-C, then drains ([`Drain`]). With `--metrics` there is a second
//!    listener beside it, for nothing else.
//!
//! [`start`] and [`launch_in_process`] do 3 to 5 inside another program, for tests and
//! comparisons.

mod allocator;
mod audit;
mod banner;
mod below;
mod connections;
mod crypto;
mod deadline;
mod descriptors;
mod drain;
mod endings;
mod environment;
mod expiry;
mod flags;
mod follow;
mod launch;
mod line;
mod log;
mod mcp;
mod metadata;
mod metrics;
mod options;
mod outer;
mod panics;
mod public_url;
mod ready;
mod rest;
mod run;
mod store;
mod time;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod transport;
mod trusted;

pub use crate::audit::{Audit, When};
pub use banner::Banner;
pub use below::below;
pub use crypto::install_crypto;
pub use deadline::TimeLimits;
pub use drain::Drain;
pub use endings::end_sessions;
pub use environment::secret_from_environment;
pub use follow::{Follow, Seen};
pub use launch::{Server, app_of, launch_in_process, main};
pub use log::LogFormat;
pub use mcp::mcp;
pub use metadata::ResourceMetadata;
pub use options::Options;
pub use outer::{App, Outer};
pub use public_url::{PublicUrl, PublicUrlError};
pub use run::{Running, Sockets, bind, run, start};
pub use store::StoreOptions;
pub use time::time;
pub use transport::Transport;
pub use trusted::read_trusted;
