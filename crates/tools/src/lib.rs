//! The MCP side: tools that know who calls and what the caller may do.
//!
//! A [`ToolServer`] is what rmcp serves. It lists and runs the tools of a [`Kit`], keeps
//! what they record in [`Records`], and asks the [`Permit`](mcp_auth::authz::Permit) that
//! `mcp-auth` put into the request before it does either. Of how the caller proved who
//! it is, nothing in here knows anything.
//!
//! Reading order: `endpoint` (HTTP), `handler` (one request), `kit` (which tools there are), `tool` (what one
//! tool is), `arguments` (what a call must carry), then any area: `time`, `payments`, `hr`.

mod arguments;
mod crm;
mod endpoint;
mod handler;
mod hr;
mod kit;
mod payments;
mod projects;
mod records;
mod shopping;
mod time;
mod tool;
mod weather;
mod whoami;

pub use endpoint::Endpoint;
pub use handler::{CREDENTIAL_META, ToolServer};
pub use kit::Kit;
pub use records::{Records, RecordsError};
pub use shopping::Item;
pub use weather::{Weather, WeatherError, WeatherProvider};
