//! A connection that follows the file's name: whoever restores a copy puts another file there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::{StoreError, file};

/// The file that had the name when it was last looked for.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    mark: Mark,
}

/// Differs for another file, and for the same one that was written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Opened {
    /// Opens the file, made if it is missing.
    pub(crate) fn make(path: &Path) -> Result<Self, StoreError> {
        drop(file::open(path)?);
        Self::existing(path)
    }

    /// Opens it anew if it is not what it was. A missing file is an error, and is not made.
    pub(crate) fn follow(&mut self) -> Result<Mark, StoreError> {
        if Mark::of(&self.path)? != self.mark {
            *self = Self::existing(&self.path)?;
        }
        Ok(self.mark)
    }

    fn existing(path: &Path) -> Result<Self, StoreError> {
        // Before it is opened: a file that comes in between has another mark, and is then
        // found at the next look.
        let mark = Mark::of(path)?;
        Ok(Self { path: path.to_owned(), connection: file::reopen(path)?, mark })
    }
}

impl Mark {
    /// Whether it is this very file, however it was written to.
    pub(crate) fn is_same_file(self, other: Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    fn of(path: &Path) -> Result<Self, StoreError> {
        let metadata = fs::metadata(path).map_err(|source| StoreError::Io {
            doing: "open",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}
