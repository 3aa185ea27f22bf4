//! The other side of the three schemes: connect, retry, keep what a refusal said, print.
//!
//! A client binary says how its credential is come by ([`Credentials`]) and leaves the rest
//! to [`parse`] and [`run()`]. A program that wants the answers and not the printing opens a
//! [`Connection`] itself. Reading order: `cli`, `run`, `connection`, `transport`, `refusal`.

mod arguments;
mod cli;
mod connection;
mod credentials;
mod environment;
mod error;
mod hint;
mod http;
mod logout;
mod output;
mod refusal;
mod render;
mod run;
mod secret_file;
mod sessions;
mod tour;
mod transport;

pub use arguments::arguments;
pub use cli::{Cli, Command, Protocol, parse};
pub use connection::{Connection, SessionEnd};
pub use credentials::{Anonymous, Credential, Credentials, Pending};
pub use error::Error;
pub use hint::{how_to_get_one, quoted};
pub use http::{Url, http_client, is_loopback, parse_url, send};
pub use output::note;
pub use refusal::{Refusal, read_json};
pub use rmcp::model::{CallToolResult, JsonObject, Tool};
pub use run::{Program, run};
pub use secret_file::{credential_path, read_secret_file, write_secret_file};
