//! The audit file: one JSON object a line, each bound to the line before.
//!
//! ```text
//! {"seq":7,"time":"2026-11-26T02:22:29Z","decision":"allowed",…,"mac":"98bd…"}
//!                                                                      │
//! mac = HMAC-SHA-256(keys/audit.key, mac of line 6 ‖ line 7 up to here ┘ )
//! ```
//!
//! A line that is altered, taken out, put elsewhere or made up does not fit any more. What is cut
//! off at the end is missed in the head file beside it, which says how far the last line goes and
//! where the oldest one is that is kept. Who has the key can forge all of it.
//!
//! - [`AuditFile`] is what a server has: decisions in, lines out, by one thread behind a bounded
//!   queue. `queue` is the one end, `writer` the other, `log` the files between them, and `found`
//!   what a server finds there at its start.
//! - [`verify()`] finds the first line that does not fit; `walk` is its way through them.
//! - [`read()`] gives the lines of all files to whoever wants to look at them.
//!
//! What was half-written when a server was killed is left as it is: the first line of the next
//! start says how many bytes that were, and their digest. A server that ends says so: where the
//! next one starts without that, it was killed, and its last decisions may be missing.

mod active;
mod elsewhere;
mod entry;
mod error;
mod files;
mod found;
mod head;
mod head_file;
mod key;
mod known;
mod link;
mod log;
mod queue;
mod read;
mod record;
mod report;
mod torn;
mod verify;
mod walk;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use mcp_auth::audit::Heads;

pub use entry::{escaped, printable};
pub use error::AuditError;
pub use key::KEY_FILE;
pub use queue::AuditFile;
pub use read::read;
pub use record::Record;
pub use report::{Damage, Note, Report, What};
pub use verify::{Elsewhere, verify};

/// How an audit file is kept.
#[derive(Clone)]
pub struct Config {
    /// The file. Those that are full lie beside it, under its name and the number of their last
    /// line; and so does `<file>.head`.
    pub file: PathBuf,
    /// The key under which lines are bound. It is made if there is neither it nor a file.
    pub key: PathBuf,
    /// Whether what cannot be written down may be decided.
    pub mode: Mode,
    /// From how many bytes on a file is full.
    pub size: u64,
    /// How many full files are kept.
    pub keep: usize,
    /// Whether the arguments of calls are kept.
    pub arguments: bool,
    /// Where else the head is kept. Nobody who changes the files alone goes unseen then.
    pub heads: Option<Arc<dyn Heads>>,
}

impl Config {
    /// From how many bytes on a file is full, unless that is said: 64 MiB.
    pub const SIZE: u64 = 64 * 1024 * 1024;

    /// How many full files are kept, unless that is said.
    pub const KEEP: usize = 16;

    /// All defaults.
    pub fn new(file: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            key: key.into(),
            mode: Mode::Required,
            size: Self::SIZE,
            keep: Self::KEEP,
            arguments: false,
            heads: None,
        }
    }
}

/// Whether what cannot be written down may be decided.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// While the file cannot be written, nothing is decided: 503. A known caller waits for room
    /// in the queue.
    #[default]
    Required,
    /// Nobody waits and nobody is refused. What is lost is counted, in the log and in the file.
    BestEffort,
}
