//! The files as they are written: lines in, none lost, none twice.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::entry::Members;
use crate::head::{Head, Presence};
use crate::key::Key;
use crate::link::{self, Link};
use crate::read::{self, Line};
use crate::{AuditError, Config, Record, files};

/// How much of the end of a file is looked at to see whether it is as it was left.
const TAIL: u64 = 128 * 1024;

/// Where lines go. One process at a time has it.
pub(crate) struct Log {
    path: PathBuf,
    key: Key,
    size: u64,
    keep: usize,
    /// The last line that was written.
    link: Link,
    /// The number of the oldest line that is kept.
    first: u64,
    /// It is locked, so that no other process writes.
    head: File,
    active: Option<Active>,
    /// Lines were written that the head does not know.
    unsettled: bool,
}

/// The file that is written now.
struct Active {
    file: File,
    identity: (u64, u64),
    /// As far as it holds whole lines of ours.
    len: u64,
    /// Behind them may be half a line that was not written whole.
    dirty: bool,
    /// Nothing of ours has been written to it.
    fresh: bool,
}

/// What a server finds at its start.
struct Found {
    link: Link,
    first: u64,
    /// Why something may be missing.
    damage: Option<&'static str>,
    /// What follows the last whole line.
    rest: Vec<u8>,
}

impl Log {
    /// Goes on where the last process ended, and says so in a first line.
    pub(crate) fn open(config: &Config) -> Result<Self, AuditError> {
        let path = config.file.clone();
        files::check_existing(&path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(AuditError::writing(folder))?;
        }
        let paths = match read::paths(&path) {
            Err(AuditError::NoFile(_)) => Vec::new(),
            paths => paths?,
        };
        if !paths.is_empty() && !config.key.exists() {
            return Err(AuditError::KeyMissing { file: path, key: config.key.clone() });
        }
        let key = Key::open_or_make(&config.key)?;
        let head_path = files::head_of(&path);
        let head = files::open_head(&head_path)?;
        head.try_lock().map_err(|_| AuditError::Busy(path.clone()))?;
        let read = Head::read(&key, &head).map_err(AuditError::reading(&head_path))?;
        let found = Found::look(&key, &path, &paths, read)?;
        let mut log = Self {
            path,
            key,
            size: config.size,
            keep: config.keep,
            link: found.link,
            first: found.first,
            head,
            active: None,
            unsettled: false,
        };
        log.start(&found)?;
        Ok(log)
    }

    /// Writes all of these lines, or none.
    pub(crate) fn append(&mut self, lines: &[Members]) -> Result<(), AuditError> {
        self.write(lines, b"")
    }

    /// Makes sure of what was written: on the disk, and in the head. Takes another file if this
    /// one is full.
    pub(crate) fn settle(&mut self) -> Result<(), AuditError> {
        if self.unsettled {
            if let Some(active) = &self.active {
                active.file.sync_data().map_err(AuditError::writing(&self.path))?;
            }
            self.write_head()?;
            self.unsettled = false;
        }
        if self.active.as_ref().is_some_and(|active| active.len >= self.size) {
            self.turn_over()?;
        }
        Ok(())
    }

    fn start(&mut self, found: &Found) -> Result<(), AuditError> {
        let mut record = Record { found: found.damage.map(str::to_owned), ..Record::default() };
        let mut before: &[u8] = b"";
        if !found.rest.is_empty() {
            record = record.mending(&found.rest);
            before = if found.rest.ends_with(b"\n") { b"" } else { b"\n" };
        }
        self.write(&[Members::event("started", record)], before)?;
        self.settle()
    }

    fn write(&mut self, lines: &[Members], before: &[u8]) -> Result<(), AuditError> {
        let Self { key, path, active, .. } = self;
        let mut current = match active.take() {
            Some(current) if current.is_at(path) => current,
            // Somebody moved it away. What was in it is missed when the lines are checked.
            Some(_) => Active::open(path)?.anew(),
            None => Active::open(path)?,
        };
        let mut link = self.link;
        let mut text = before.to_vec();
        if current.fresh {
            let previous = Some(link.mac.to_string());
            let opened = Members::event("opened", Record { previous, ..Record::default() });
            link.seal(key, &opened.0, &mut text);
        }
        for line in lines {
            link.seal(key, &line.0, &mut text);
        }
        let written = current.write(&text).map_err(AuditError::writing(path));
        *active = Some(current);
        written?;
        self.link = link;
        self.unsettled = true;
        Ok(())
    }

    fn write_head(&self) -> Result<(), AuditError> {
        let head = Head { link: self.link, first: self.first };
        head.write(&self.key, &self.head).map_err(AuditError::writing(&files::head_of(&self.path)))
    }

    /// The full file gets its name, and the oldest ones go.
    fn turn_over(&mut self) -> Result<(), AuditError> {
        let name = files::full_name(&self.path, self.link.seq);
        // Nothing is written over, whoever put it there.
        if name.exists() {
            let source = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(AuditError::Io { doing: "write", path: name, source });
        }
        fs::rename(&self.path, &name).map_err(AuditError::writing(&name))?;
        self.active = None;
        let full = files::full(&self.path).map_err(AuditError::reading(&self.path))?;
        let old = &full[..full.len().saturating_sub(self.keep)];
        let Some(newest) = old.last() else { return Ok(()) };
        // The head first: what it does not ask for may be there.
        self.first = newest.last + 1;
        self.write_head()?;
        old.iter()
            .try_for_each(|old| fs::remove_file(&old.path).map_err(AuditError::writing(&old.path)))
    }
}

impl Active {
    fn open(path: &Path) -> Result<Self, AuditError> {
        let file = files::open_to_append(path)?;
        let metadata = file.metadata().map_err(AuditError::writing(path))?;
        let len = metadata.len();
        let identity = files::identity(&metadata);
        Ok(Self { file, identity, len, dirty: false, fresh: len == 0 })
    }

    fn anew(self) -> Self {
        Self { fresh: true, ..self }
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| files::identity(&metadata) == self.identity)
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.dirty {
            self.file.set_len(self.len)?;
            self.dirty = false;
        }
        if let Err(error) = self.file.write_all(text) {
            // The lines are written again as a whole: nothing is lost with their first half.
            self.dirty = self.file.set_len(self.len).is_err();
            return Err(error);
        }
        self.len += text.len() as u64;
        self.fresh = false;
        Ok(())
    }
}

impl Found {
    fn look(key: &Key, path: &Path, paths: &[PathBuf], head: Presence) -> Result<Self, AuditError> {
        let whole = |head: Head| Self {
            link: head.link,
            first: head.first,
            damage: None,
            rest: Vec::new(),
        };
        let Some(last) = paths.last() else {
            return Ok(match head {
                Presence::Absent => whole(Head { link: Link::START, first: 1 }),
                Presence::Valid(head) => Self { damage: Some(CUT_OFF), ..whole(head) },
                Presence::Invalid => {
                    let start = Head { link: Link::START, first: 1 };
                    Self { damage: Some(BAD_HEAD), ..whole(start) }
                }
            });
        };
        if let Presence::Valid(head) = head
            && ends_with(last, &head.link).map_err(AuditError::reading(last))?
        {
            return Ok(whole(head));
        }
        let (first, link, rest) = scan(key, last)?;
        let rest = if last == path { rest } else { Vec::new() };
        let link = link.unwrap_or(Link::START);
        Ok(match head {
            Presence::Valid(head) if link.seq > head.link.seq || link == head.link => {
                Self { link, first: head.first, damage: None, rest }
            }
            Presence::Valid(head) => Self { damage: Some(CUT_OFF), rest, ..whole(head) },
            Presence::Absent => Self { link, first, damage: Some(NO_HEAD), rest },
            Presence::Invalid => Self { link, first, damage: Some(BAD_HEAD), rest },
        })
    }
}

const CUT_OFF: &str = "lines that the head knows were not there any more, or not the same";
const NO_HEAD: &str = "there was no head file, so that nobody knows whether lines were missing";
const BAD_HEAD: &str = "the head file was not under this key, so that nobody knows whether lines \
    were missing";

/// Whether this is the last line of the file, whole.
fn ends_with(path: &Path, link: &Link) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(lines) = tail.strip_suffix(b"\n") else { return Ok(false) };
    let start = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = &lines[start..];
    let seq = serde_json::from_slice::<Record>(line).ok().map(|record| record.seq);
    let mac = link::split(line).map(|(_, mac)| mac);
    Ok(seq == Some(link.seq) && mac == Some(link.mac))
}

/// The number of the first line, the last line that is whole and what follows it.
fn scan(key: &Key, path: &Path) -> Result<(u64, Option<Link>, Vec<u8>), AuditError> {
    let mut first = 1;
    let mut link: Option<Link> = None;
    let mut rest: Vec<u8> = Vec::new();
    read::lines(path, &mut |line: Line| {
        let record: Option<Record> = serde_json::from_slice(&line.text).ok();
        let before = link.or_else(|| before(record.as_ref()?));
        let fits = match (record, before) {
            (Some(record), Some(mut before)) if line.ended && record.mends(&rest) => {
                first = if link.is_none() { record.seq } else { first };
                before.follow(key, record.seq, &line.text).then_some(before)
            }
            _ => None,
        };
        match fits {
            Some(fits) => {
                link = Some(fits);
                rest.clear();
            }
            None => {
                rest.extend_from_slice(&line.text);
                rest.extend_from_slice(if line.ended { b"\n" } else { b"" });
            }
        }
        true
    })?;
    Ok((first, link, rest))
}

/// What stands before the first line of a file, as that says itself.
pub(crate) fn before(record: &Record) -> Option<Link> {
    let mac = record.previous.as_ref()?.parse().ok()?;
    Some(Link { seq: record.seq.checked_sub(1)?, mac })
}
