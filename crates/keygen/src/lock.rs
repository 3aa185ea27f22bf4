//! One program at a time changes the keys of a folder.

use std::fs::{File, TryLockError};
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
pub(crate) struct Lock(#[expect(dead_code, reason = "it is the open file that holds it")] File);

impl Lock {
    /// Waits until nobody else changes keys in this folder.
    pub(crate) fn of(folder: &Path) -> Result<Self, Error> {
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
                Ok(()) => return Ok(Self(file)),
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
