//! A connection that follows the file's name: whoever restores a copy puts another file there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use crate::session::Session;
use crate::sqlite::Sqlite;
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

    /// Does all of `work` or nothing, while no other process writes.
    ///
    /// # Errors
    /// What `work` says, or the file cannot be written.
    pub(crate) fn change<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.follow()?;
        let path = &self.path;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(file::failed("write", path))?;
        // An error drops the transaction, which takes everything back.
        let done = work(&Session::new(&Sqlite { connection: &transaction, path }))?;
        transaction.commit().map_err(file::failed("write", path))?;
        Ok(done)
    }

    /// Reads all of one moment.
    ///
    /// # Errors
    /// What `work` says, or the file cannot be read.
    pub(crate) fn read<T>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.follow()?;
        let moment = self.connection.unchecked_transaction();
        let moment = moment.map_err(file::failed("read", &self.path))?;
        work(&Session::new(&Sqlite { connection: &moment, path: &self.path }))
    }

    /// Another after each commit of another connection.
    pub(crate) fn data_version(&self) -> Result<i64, StoreError> {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(file::failed("read", &self.path))
    }

    /// Writes a copy into a file that is empty, which keeps its mode.
    pub(crate) fn copy_into(&mut self, copy: &Path) -> Result<(), StoreError> {
        self.follow()?;
        let done = self.connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]);
        done.map(drop).map_err(file::failed("copy", &self.path))
    }

    /// Opens a file that is there.
    pub(crate) fn existing(path: &Path) -> Result<Self, StoreError> {
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
