//! The files as they are written: lines in, none lost, none twice.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use crate::active::Active;
use crate::elsewhere::HeadElsewhere;
use crate::entry::Members;
use crate::files::Full;
use crate::found::{self, Found};
use crate::head::Head;
use crate::head_file::HeadFile;
use crate::key::Key;
use crate::link::Link;
use crate::torn::Torn;
use crate::{AuditError, Config, Record, files};

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
    /// The full files, by the number of their last line, oldest first.
    full: Vec<u64>,
    head: HeadFile,
    elsewhere: Option<HeadElsewhere>,
    active: Option<Active>,
    /// Lines were written that the head does not know.
    unsettled: bool,
}

impl Log {
    /// Goes on where the last process ended, and says so in a first line.
    pub(crate) fn open(config: &Config) -> Result<Self, AuditError> {
        let path = files::behind_links(&config.file);
        if path == files::behind_links(&config.key) || files::are_one(&path, &config.key) {
            return Err(AuditError::IsKey(config.file.clone()));
        }
        files::check_existing(&path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(AuditError::writing(folder))?;
        }
        if !config.key.exists() && files::are_any(&path).map_err(AuditError::reading(&path))? {
            return Err(AuditError::KeyMissing { file: path, key: config.key.clone() });
        }
        let key = Key::open_or_make(&config.key)?;
        let head = HeadFile::open(&path)?;
        let mut found = Found::look(&key, &path, head.read(&key)?)?;
        let heads = config.heads.clone();
        let elsewhere = heads.map(|heads| HeadElsewhere::of(heads, &key, &path)).transpose()?;
        if let Some(elsewhere) = &elsewhere {
            found.compare(&path, elsewhere.read(&key)?)?;
        }
        if let Some(damage) = found.damage {
            tracing::error!(path = %path.display(), "{damage}; the audit file says so from now on");
        }
        let active = Active::open(&path)?;
        let mut log = Self {
            path,
            key,
            size: config.size,
            keep: config.keep,
            link: found.link,
            first: found.first,
            full: found.full,
            head,
            elsewhere,
            active: Some(if found.fresh { active.anew() } else { active }),
            unsettled: false,
        };
        let record = Record {
            found: found.damage.map(str::to_owned),
            unsettled: Some(found.unsettled).filter(|unsettled| *unsettled > 0),
            ..Record::default()
        };
        log.write("started", record, found.torn.as_ref())?;
        log.settle()?;
        Ok(log)
    }

    /// Writes all of these lines, or none.
    pub(crate) fn append(&mut self, lines: &[Members]) -> Result<(), AuditError> {
        self.write_after(lines, None)
    }

    /// Makes sure of what was written: on the disk, and in the head. Takes another file if this
    /// one is full.
    pub(crate) fn settle(&mut self) -> Result<(), AuditError> {
        if self.unsettled {
            if let Some(active) = &self.active {
                active.sync().map_err(AuditError::writing(&self.path))?;
            }
            self.write_head()?;
            self.unsettled = false;
        }
        if self.active.as_ref().is_some_and(|active| active.len() >= self.size) {
            self.turn_over()?;
        }
        Ok(())
    }

    /// Says that nothing is missing behind the last line.
    pub(crate) fn end(&mut self) -> Result<(), AuditError> {
        self.write("ended", Record::default(), None)?;
        self.settle()
    }

    /// Writes a line that is no decision.
    fn write(&mut self, event: &str, rest: Record, torn: Option<&Torn>) -> Result<(), AuditError> {
        let is_fresh = self.active.as_ref().is_some_and(Active::is_fresh);
        // The first line that is written says it.
        let rest = match torn.filter(|_| !is_fresh) {
            Some(torn) => rest.mending(torn),
            None => rest,
        };
        self.write_after(&[Members::event(event, rest)], torn)
    }

    fn write_after(&mut self, lines: &[Members], torn: Option<&Torn>) -> Result<(), AuditError> {
        let Self { key, path, active, .. } = self;
        let mut current = match active.take() {
            Some(current) if current.is_at(path) => current,
            // Somebody moved it away. What was in it is missed when the lines are checked.
            Some(_) => Active::open(path)?.anew(),
            None => Active::open(path)?,
        };
        let mut link = self.link;
        let mut text = Vec::new();
        if torn.is_some_and(Torn::is_open) {
            text.push(b'\n');
        }
        if current.is_fresh() {
            let opened = Record {
                previous: Some(link.mac.to_string()),
                file: Some(files::name(path)),
                first: Some(self.first).filter(|first| *first > 1),
                ..Record::default()
            };
            let opened = match torn {
                Some(torn) => opened.mending(torn),
                None => opened,
            };
            link.seal(key, &Members::event("opened", opened).0, &mut text);
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

    fn write_head(&mut self) -> Result<(), AuditError> {
        let head = Head { link: self.link, first: self.first }.text(&self.key);
        self.head.write(&head)?;
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.keep(head);
        }
        Ok(())
    }

    /// The full file gets its name, and the oldest ones go.
    fn turn_over(&mut self) -> Result<(), AuditError> {
        let last = self.link.seq;
        let name = files::full_name(&self.path, last);
        // Nothing is written over, whoever put it there.
        if name.exists() {
            let source = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(AuditError::Io { doing: "write", path: name, source });
        }
        fs::rename(&self.path, &name).map_err(AuditError::writing(&name))?;
        self.active = None;
        self.full.push(last);
        let old: Vec<u64> = self.full.drain(..self.full.len().saturating_sub(self.keep)).collect();
        let Some(newest) = old.last() else { return Ok(()) };
        // The head first: what it does not ask for may be there.
        self.first = newest + 1;
        self.write_head()?;
        old.into_iter().try_for_each(|last| self.remove(last))
    }

    /// Removes a full file, if it is still what it was: somebody may have put another there.
    fn remove(&self, last: u64) -> Result<(), AuditError> {
        let full = Full { last, path: files::full_name(&self.path, last) };
        if !found::is_ours(&self.key, &self.path, &full) {
            return Ok(());
        }
        fs::remove_file(&full.path).map_err(AuditError::writing(&full.path))
    }
}
