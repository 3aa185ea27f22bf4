//! Copies of the file.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{Store, StoreError, file};

impl Store {
    /// Writes a copy of the file as it is at one moment (0600), whoever else writes meanwhile. Put in
    /// the place of the file, running servers follow it.
    ///
    /// # Errors
    /// There is such a file already, or it cannot be written.
    pub fn back_up(&self, copy: &Path) -> Result<(), StoreError> {
        let copied = self.read(|connection, path| {
            let taken = |source| StoreError::Io { doing: "create", path: copy.to_owned(), source };
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(copy)
                .map_err(taken)?;
            // SQLite takes a file that is empty, and gives it no other mode.
            let done = connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]);
            done.map(drop).map_err(file::failed("copy", path))
        });
        if copied.is_err() && fs::metadata(copy).is_ok_and(|found| found.len() == 0) {
            let _ = fs::remove_file(copy);
        }
        copied
    }
}
