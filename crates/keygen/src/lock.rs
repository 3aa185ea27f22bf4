//! One program at a time changes the keys of a folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// How long another one may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_millis(20);

/// Held for as long as a folder's keys are changed. The system takes it back from a program that
/// ends in the middle.
#[derive(Debug)]
pub(crate) struct Lock {
    /// It is the open file that holds the lock.
    _file: File,
}

impl Lock {
    /// Waits until nobody else changes keys in the folder of this file.
    pub(crate) fn beside(file: &Path) -> Result<Self, Error> {
        Self::of(file.parent().unwrap_or(Path::new("")))
    }

    fn of(folder: &Path) -> Result<Self, Error> {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let cannot = |error: io::Error| {
            let shown = here.display();
            Error::Invalid(format!(
                "cannot lock the folder {shown}: {error}; name another with --keys"
            ))
        };
        let file = File::open(here).map_err(cannot)?;
        let end = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(PERIOD),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Invalid(format!(
                        "another keygen changes the keys in {} and does not end; end it, then try \
                         again",
                        here.display()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
        }
    }
}

/// Removes what somebody who was killed left beside this file: there may be a secret in it.
pub(crate) fn sweep(file: &Path) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let left_over = |other: &str| {
        other
            .strip_prefix(&*name)
            .is_some_and(|rest| rest.starts_with('.') && rest.len() > 32 && rest.ends_with(".new"))
    };
    for entry in fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(left_over) {
            // It is read as a key by nobody; the next one tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}
