//! The file that is written now.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::{AuditError, files};

/// It is locked: under whatever name another process finds it, that does not write to it.
pub(crate) struct Active {
    file: File,
    identity: (u64, u64),
    /// As far as it holds whole lines of ours.
    len: u64,
    /// Behind them may be half a line that was not written whole.
    dirty: bool,
    /// No line of ours is in it.
    fresh: bool,
}

impl Active {
    pub(crate) fn open(path: &Path) -> Result<Self, AuditError> {
        let file = files::open_to_append(path)?;
        files::lock(&file, path)?;
        let metadata = file.metadata().map_err(AuditError::writing(path))?;
        let len = metadata.len();
        let identity = files::identity(&metadata);
        Ok(Self { file, identity, len, dirty: false, fresh: len == 0 })
    }

    /// The same, where what is in it is not ours.
    pub(crate) fn anew(self) -> Self {
        Self { fresh: true, ..self }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    pub(crate) fn is_at(&self, path: &Path) -> bool {
        files::is_at(path, self.identity)
    }

    /// All of it, or nothing.
    pub(crate) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.dirty {
            self.file.set_len(self.len)?;
            self.dirty = false;
        }
        if let Err(error) = self.file.write_all(text) {
            // The lines are written again as a whole: nothing is lost with their first half.
            self.dirty = self.file.set_len(self.len).is_err();
            return Err(error);
        }
        self.len += text.len() as u64;
        self.fresh = false;
        Ok(())
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
