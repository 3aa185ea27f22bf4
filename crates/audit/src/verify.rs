//! Whether all lines are there, as they were written.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mcp_auth::audit::KeptHeads;

use crate::elsewhere::HeadElsewhere;
use crate::key::Key;
use crate::read::Files;
use crate::walk::Walk;
use crate::{AuditError, Report, files};

/// How often it begins again because a server may have written in the meantime, and after how
/// long.
const TRIES: usize = 8;
const MOMENT: Duration = Duration::from_millis(20);

/// Where else the head of an audit is kept.
#[derive(Clone)]
pub struct Elsewhere<'a> {
    /// There.
    pub heads: Arc<dyn KeptHeads>,
    /// Where the server wrote the file, which may lie elsewhere by now: it was kept under that.
    pub written_as: &'a Path,
}

impl Elsewhere<'_> {
    fn open(self, key: &Key) -> Result<HeadElsewhere<dyn KeptHeads>, AuditError> {
        HeadElsewhere::of(self.heads, key, &files::behind_links(self.written_as))
    }
}

/// Goes through all files of this audit, from the oldest that is kept.
///
/// A server may write to them meanwhile: damage counts if it is found twice in the same place.
///
/// It says nothing about who has the key: whoever has it can write what fits.
///
/// With `elsewhere`, older files that were put back with their head are found too.
///
/// # Errors
/// A file, the key or a head cannot be read.
pub fn verify(
    file: &Path,
    key: &Path,
    elsewhere: Option<Elsewhere<'_>>,
) -> Result<Report, AuditError> {
    let key = Key::open(key)?;
    let elsewhere = elsewhere.map(|it| it.open(&key)).transpose()?;
    let walk = || {
        // Before the lines: those that are written meanwhile are not missed.
        let known = elsewhere.as_ref().map(|elsewhere| elsewhere.read(&key)).transpose()?;
        Walk::all(&key, file, Files::open(file)?, known)
    };
    let mut before = None;
    for _ in 1..TRIES {
        match walk() {
            Ok(report) if report.damage.is_none() || report.damage == before => return Ok(report),
            Ok(report) => before = report.damage,
            // A file was full just now, or the oldest was removed.
            Err(error) if error.is_absence() => before = None,
            Err(error) => return Err(error),
        }
        thread::sleep(MOMENT);
    }
    walk()
}
