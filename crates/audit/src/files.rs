//! Which files there are: the one that is written, those that are full, and the head.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::AuditError;

/// After how many links it is given up, as the system does.
const MOST_LINKS: usize = 40;

/// A file that was full.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Full {
    /// The number of its last line, which it is named after.
    pub(crate) last: u64,
    pub(crate) path: PathBuf,
}

/// Where the head lies.
pub(crate) fn head_of(file: &Path) -> PathBuf {
    beside(file, "head")
}

/// What a file is called when it is full.
pub(crate) fn full_name(file: &Path, last: u64) -> PathBuf {
    beside(file, &format!("{last:012}"))
}

/// Where a file really is, if its name is a link: what belongs to it lies beside it there.
pub(crate) fn behind_links(file: &Path) -> PathBuf {
    let mut path = file.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.with_file_name(target),
            Err(_) => break,
        }
    }
    path
}

/// All that are named as full ones are, the oldest first. Whether they are is another question.
pub(crate) fn full(file: &Path) -> io::Result<Vec<Full>> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut prefix = file.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let mut full = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let number = number.and_then(|number| std::str::from_utf8(number).ok());
        let digits = number.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(last) = digits.and_then(|digits| digits.parse().ok()) else { continue };
        if full_name(file, last).file_name() == Some(&name) {
            full.push(Full { last, path: folder.join(name) });
        }
    }
    full.sort();
    Ok(full)
}

/// Whether there are lines, as far as names and lengths say.
pub(crate) fn are_any(file: &Path) -> io::Result<bool> {
    Ok(fs::metadata(file).is_ok_and(|metadata| metadata.len() > 0) || !full(file)?.is_empty())
}

/// Whether both names are of one file.
pub(crate) fn are_one(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| identity(&metadata));
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// The name of a file without its folder, as lines say it.
pub(crate) fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Refuses what is there and cannot be an audit file. A pipe would wait for a reader, and a
/// device is nothing to keep lines on.
pub(crate) fn check_existing(path: &Path) -> Result<(), AuditError> {
    fs::metadata(path).map_or(Ok(()), |metadata| check(path, &metadata))
}

/// Opens a file to read it. A pipe does not make it wait, and a device has no end.
pub(crate) fn open_to_read(path: &Path) -> Result<File, AuditError> {
    let reading = AuditError::reading(path);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path).map_err(&reading)?;
    if file.metadata().map_err(&reading)?.is_file() {
        Ok(file)
    } else {
        Err(AuditError::NotAFile(path.to_owned()))
    }
}

/// Opens a file to add to it. Only its owner may read it.
pub(crate) fn open_to_append(path: &Path) -> Result<File, AuditError> {
    let writing = AuditError::writing(path);
    check_existing(path)?;
    let file =
        OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(&writing)?;
    check(path, &file.metadata().map_err(&writing)?)?;
    Ok(file)
}

/// The head, to be read and written in place.
pub(crate) fn open_head(path: &Path) -> Result<File, AuditError> {
    let writing = AuditError::writing(path);
    check_existing(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(&writing)?;
    check(path, &file.metadata().map_err(&writing)?)?;
    Ok(file)
}

/// Keeps other processes away, which are said to write this audit file.
pub(crate) fn lock(file: &File, of: &Path) -> Result<(), AuditError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => AuditError::Busy(of.to_owned()),
        TryLockError::Error(error) => AuditError::writing(of)(error),
    })
}

/// Whether it is still this file that is called so.
pub(crate) fn is_at(path: &Path, file: (u64, u64)) -> bool {
    fs::metadata(path).is_ok_and(|metadata| identity(&metadata) == file)
}

/// Which file this is, whatever it is called.
pub(crate) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), AuditError> {
    let mode = metadata.mode() & 0o777;
    if !metadata.is_file() {
        Err(AuditError::NotAFile(path.to_owned()))
    } else if mode & 0o077 != 0 {
        Err(AuditError::LooseMode { path: path.to_owned(), mode })
    } else {
        Ok(())
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    file.with_file_name(name)
}
