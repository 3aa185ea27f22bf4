//! Whether all lines are there, as they were written.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::key::Key;
use crate::read::Files;
use crate::walk::Walk;
use crate::{AuditError, Report};

/// How often it begins again because a server may have written in the meantime, and after how
/// long.
const TRIES: usize = 8;
const MOMENT: Duration = Duration::from_millis(20);

/// Goes through all files of this audit, from the oldest that is kept.
///
/// A server may write to them meanwhile: damage counts if it is found twice in the same place.
///
/// It says nothing about who has the key: whoever has it can write what fits.
///
/// # Errors
/// A file, the key or the head cannot be read.
pub fn verify(file: &Path, key: &Path) -> Result<Report, AuditError> {
    let key = Key::open(key)?;
    let mut before = None;
    for _ in 1..TRIES {
        match Files::open(file).and_then(|files| Walk::all(&key, file, files)) {
            Ok(report) if report.damage.is_none() || report.damage == before => return Ok(report),
            Ok(report) => before = report.damage,
            // A file was full just now, or the oldest was removed.
            Err(error) if error.is_absence() => before = None,
            Err(error) => return Err(error),
        }
        thread::sleep(MOMENT);
    }
    Walk::all(&key, file, Files::open(file)?)
}
