//! The file in which the head lies. Who has it locked is the one who writes.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::head::{Head, Presence};
use crate::key::Key;
use crate::{AuditError, files};

pub(crate) struct HeadFile {
    /// The audit file that it belongs to.
    of: PathBuf,
    path: PathBuf,
    file: File,
    identity: (u64, u64),
}

impl HeadFile {
    /// That of this audit file.
    pub(crate) fn open(of: &Path) -> Result<Self, AuditError> {
        let path = files::head_of(of);
        let file = files::open_head(&path)?;
        files::lock(&file, of)?;
        let metadata = file.metadata().map_err(AuditError::writing(&path))?;
        Ok(Self { of: of.to_owned(), identity: files::identity(&metadata), path, file })
    }

    pub(crate) fn read(&self, key: &Key) -> Result<Presence, AuditError> {
        Head::read(key, &self.file).map_err(AuditError::reading(&self.path))
    }

    /// If somebody has taken it away or put another in its place, it is made again.
    pub(crate) fn write(&mut self, head: &str) -> Result<(), AuditError> {
        if !files::is_at(&self.path, self.identity) {
            tracing::warn!(path = %self.path.display(), "the head file was taken away");
            *self = Self::open(&self.of)?;
        }
        Head::write(head, &self.file).map_err(AuditError::writing(&self.path))
    }
}
