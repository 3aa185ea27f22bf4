//! What stands in a file and is no line: a server was killed while it wrote one.

use aws_lc_rs::digest::{Context, SHA256};

use crate::link::hex;
use crate::read::Line;

/// How much it is, and its digest. However much it is, it is not kept in memory.
pub(crate) struct Torn {
    digest: Context,
    bytes: u64,
    /// It ends as a line does. That is not counted: the next server ends what was not.
    ended: bool,
}

impl Torn {
    pub(crate) fn new() -> Self {
        Self { digest: Context::new(&SHA256), bytes: 0, ended: false }
    }

    pub(crate) fn add(&mut self, line: &Line) {
        if self.ended {
            self.update(b"\n");
        }
        self.update(&line.text);
        self.ended = line.ended;
    }

    /// Half a line, behind which there is nothing yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.ended
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The SHA-256.
    pub(crate) fn digest(&self) -> String {
        hex(self.digest.clone().finish().as_ref())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}
