//! The head as it is kept apart from the files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_auth::audit::{Heads, KeptHeads};

use crate::AuditError;
use crate::head::{Head, Presence};
use crate::key::Key;

/// Where the head of one audit is kept.
pub(crate) struct HeadElsewhere<H: ?Sized = dyn Heads> {
    heads: Arc<H>,
    name: String,
    path: PathBuf,
}

impl<H: KeptHeads + ?Sized> HeadElsewhere<H> {
    /// That of the audit which is written to `file`, which has to be its place and not another way to it.
    pub(crate) fn of(heads: Arc<H>, key: &Key, file: &Path) -> Result<Self, AuditError> {
        let path = place(file).map_err(AuditError::reading(file))?;
        Ok(Self { heads, name: key.name_of(&path), path })
    }

    pub(crate) fn read(&self, key: &Key) -> Result<Presence, AuditError> {
        let head = self.heads.head(&self.name);
        let head = head.map_err(|why| AuditError::Heads { file: self.path.clone(), why })?;
        Ok(head.map_or(Presence::Absent, |text| Head::parse(key, &text)))
    }
}

impl HeadElsewhere {
    pub(crate) fn keep(&self, head: String) {
        self.heads.keep(&self.name, head);
    }
}

/// The same whatever way to the file was named. A folder that is not here is that of another machine.
fn place(file: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(file)?;
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    Ok(match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    })
}
