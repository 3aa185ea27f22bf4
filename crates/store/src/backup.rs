//! Copies of the file.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{Ledger, StoreError};

impl Ledger {
    /// Writes a copy of the file as it is at one moment (0600), whoever else writes meanwhile. Put in
    /// the place of the file, running servers follow it.
    ///
    /// # Errors
    /// There is such a file already, or it cannot be written.
    pub fn back_up(&self, copy: &Path) -> Result<(), StoreError> {
        let taken = |source| StoreError::Io { doing: "create", path: copy.to_owned(), source };
        let mut new = OpenOptions::new();
        new.write(true).create_new(true).mode(0o600).open(copy).map_err(taken)?;
        let copied = self.database().copy_into(copy);
        if copied.is_err() && fs::metadata(copy).is_ok_and(|found| found.len() == 0) {
            let _ = fs::remove_file(copy);
        }
        copied
    }
}
