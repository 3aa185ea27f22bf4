//! The lines of all files, one after the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{AuditError, Record, files};

/// Longest line in bytes that is taken for one. None that is written comes near.
const LONGEST: u64 = 64 * 1024;

/// One line as it lies in its file.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) file: PathBuf,
    /// Its number in that file, from 1.
    pub(crate) number: u64,
    /// Without its end.
    pub(crate) text: Vec<u8>,
    /// Whether it has one.
    pub(crate) ended: bool,
}

/// All files, oldest first.
pub(crate) fn paths(file: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let full = files::full(file).map_err(AuditError::reading(file))?;
    let mut paths: Vec<_> = full.into_iter().map(|full| full.path).collect();
    if file.exists() {
        paths.push(file.to_owned());
    }
    if paths.is_empty() {
        return Err(AuditError::NoFile(file.to_owned()));
    }
    Ok(paths)
}

/// Gives each line to `each`, until that has seen enough.
pub(crate) fn lines(path: &Path, each: &mut impl FnMut(Line) -> bool) -> Result<bool, AuditError> {
    let reading = AuditError::reading(path);
    let file = File::open(path).map_err(&reading)?;
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut number = 0;
    loop {
        let mut text = Vec::new();
        let read = read_line(&mut reader, &mut text).map_err(&reading)?;
        if read == 0 {
            return Ok(true);
        }
        let ended = text.last() == Some(&b'\n');
        text.truncate(text.len() - usize::from(ended));
        number += 1;
        if !each(Line { file: path.to_owned(), number, text, ended }) {
            return Ok(false);
        }
    }
}

/// Every line that can be read, without asking whether it is one of the chain: oldest first.
/// `each` is also told of lines that cannot be read, and says whether it wants more.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn read(file: &Path, mut each: impl FnMut(Option<Record>) -> bool) -> Result<(), AuditError> {
    for path in paths(file)? {
        let more = lines(&path, &mut |line| each(serde_json::from_slice(&line.text).ok()))?;
        if !more {
            break;
        }
    }
    Ok(())
}

fn read_line(reader: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<usize> {
    Read::take(reader, LONGEST).read_until(b'\n', text)
}
