//! The lines of all files, one after the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::files::{self, Full};
use crate::{AuditError, Record};

/// Longest line in bytes that is taken for one. None that is written comes near.
const LONGEST: u64 = 64 * 1024;

/// One line as it lies in its file.
#[derive(Debug)]
pub(crate) struct Line {
    /// Its number in its file, from 1.
    pub(crate) number: u64,
    /// Without its end.
    pub(crate) text: Vec<u8>,
    /// Whether it has one.
    pub(crate) ended: bool,
}

/// All files, the oldest first, as they were at one moment.
pub(crate) struct Files {
    pub(crate) full: Vec<Full>,
    /// It is open: a server may give it the name of a full one now.
    active: Option<File>,
    path: PathBuf,
}

impl Files {
    pub(crate) fn open(file: &Path) -> Result<Self, AuditError> {
        let path = files::behind_links(file);
        // Before it is asked which are full: what comes later is then among these, or the same.
        let active = match files::open_to_read(&path) {
            Ok(active) => Some(active),
            Err(error) if error.is_absence() => None,
            Err(error) => return Err(error),
        };
        let mut full = files::full(&path).map_err(AuditError::reading(&path))?;
        if let Some(active) = &active {
            let metadata = active.metadata().map_err(AuditError::reading(&path))?;
            let identity = files::identity(&metadata);
            let same = full.iter().position(|full| files::is_at(&full.path, identity));
            full.truncate(same.unwrap_or(full.len()));
        } else if full.is_empty() {
            return Err(AuditError::NoFile(path));
        }
        Ok(Self { full, active, path })
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let full = self.full.iter().map(|full| full.path.clone());
        full.chain(self.active.iter().map(|_| self.path.clone())).collect()
    }

    /// The last one, which is read once.
    pub(crate) fn active(&mut self) -> Option<(&Path, File)> {
        self.active.take().map(|active| (&*self.path, active))
    }
}

/// Gives each line to `each`, until that has seen enough.
pub(crate) fn lines(path: &Path, each: &mut impl FnMut(Line) -> bool) -> Result<bool, AuditError> {
    lines_of(path, files::open_to_read(path)?, each)
}

/// The same of a file that is open.
pub(crate) fn lines_of(
    path: &Path,
    file: File,
    each: &mut impl FnMut(Line) -> bool,
) -> Result<bool, AuditError> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut number = 0;
    loop {
        let mut text = Vec::new();
        let read = read_line(&mut reader, &mut text).map_err(AuditError::reading(path))?;
        if read == 0 {
            return Ok(true);
        }
        let ended = text.last() == Some(&b'\n');
        text.truncate(text.len() - usize::from(ended));
        number += 1;
        // A server may write the rest now, which would then look like a line of its own.
        let is_last = !ended && (read as u64) < LONGEST;
        if !each(Line { number, text, ended }) {
            return Ok(false);
        }
        if is_last {
            return Ok(true);
        }
    }
}

/// Every line that can be read, without asking whether it is one of the chain: oldest first.
/// `each` is also told of lines that cannot be read, and says whether it wants more.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn read(file: &Path, mut each: impl FnMut(Option<Record>) -> bool) -> Result<(), AuditError> {
    let mut files = Files::open(file)?;
    let mut each = |line: Line| each(serde_json::from_slice(&line.text).ok());
    for full in &files.full {
        match lines(&full.path, &mut each) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // It was the oldest, and so many are not kept.
            Err(error) if error.is_absence() => {}
            Err(error) => return Err(error),
        }
    }
    if let Some((path, active)) = files.active() {
        lines_of(path, active, &mut each)?;
    }
    Ok(())
}

fn read_line(reader: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<usize> {
    Read::take(reader, LONGEST).read_until(b'\n', text)
}
