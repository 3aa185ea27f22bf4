//! What a server finds at its start.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::files::{self, Full};
use crate::head::{Head, Presence};
use crate::key::Key;
use crate::link::{self, Link};
use crate::read::{self, Line};
use crate::torn::Torn;
use crate::{AuditError, Record};

/// How much of the end of a file is looked at: two lines, and more.
const TAIL: u64 = 256 * 1024;

/// Where the chain goes on, and what cannot be said of what is before it.
pub(crate) struct Found {
    pub(crate) link: Link,
    /// The number of the oldest line that is kept.
    pub(crate) first: u64,
    /// The full files, by the number of their last line, oldest first.
    pub(crate) full: Vec<u64>,
    /// Why something may be missing.
    pub(crate) damage: Option<&'static str>,
    /// How many lines the head does not know.
    pub(crate) unsettled: u64,
    /// What follows the last whole line.
    pub(crate) torn: Option<Torn>,
    /// No line of ours is in the file that is written now.
    pub(crate) fresh: bool,
}

const CUT_OFF: &str = "lines that the head knows were not there any more, or not the same";
const NO_HEAD: &str = "there was no head file, so that nobody knows whether lines were missing";
const CUT_OFF_ELSEWHERE: &str =
    "lines that the store knows were not there any more, or not the same";
const BAD_HEAD_ELSEWHERE: &str = "the head in the store was not under this key, so that nobody knows \
    whether lines were missing";
const BAD_HEAD: &str = "the head file was not under this key, so that nobody knows whether lines \
    were missing";

impl Found {
    /// Looks at the files. `file` is what is written, if there is such a file.
    ///
    /// # Errors
    /// They cannot be read, or there is something in that file that is not ours.
    pub(crate) fn look(key: &Key, file: &Path, head: Presence) -> Result<Self, AuditError> {
        let full = files::full(file).map_err(AuditError::reading(file))?;
        let full: Vec<Full> = full.into_iter().filter(|full| is_ours(key, file, full)).collect();
        let mut found = Self::in_files(key, file, full.last(), head)?;
        let full = full.iter().map(|full| full.last);
        found.full = full.filter(|last| *last <= found.link.seq).collect();
        Ok(found)
    }

    /// Compares it with a head that was kept elsewhere, and may be older.
    ///
    /// # Errors
    /// The file cannot be read that has the line which that head knows.
    pub(crate) fn compare(&mut self, file: &Path, elsewhere: Presence) -> Result<(), AuditError> {
        match elsewhere {
            Presence::Absent => {}
            Presence::Invalid => {
                self.damage.get_or_insert(BAD_HEAD_ELSEWHERE);
            }
            Presence::Valid(head) if head.link.seq > self.link.seq => {
                (self.link, self.first) = (head.link, head.first.max(self.first));
                self.damage.get_or_insert(CUT_OFF_ELSEWHERE);
            }
            Presence::Valid(head) if !self.has(file, &head.link)? => {
                self.damage.get_or_insert(CUT_OFF_ELSEWHERE);
            }
            Presence::Valid(_) => {}
        }
        Ok(())
    }

    /// Whether this line is one of those that are kept. Of those that were removed nobody knows any more.
    fn has(&self, file: &Path, link: &Link) -> Result<bool, AuditError> {
        if link.seq == self.link.seq {
            return Ok(*link == self.link);
        }
        if link.seq < self.first {
            return Ok(true);
        }
        let full = self.full.iter().find(|last| **last >= link.seq);
        let path = full.map_or_else(|| file.to_owned(), |last| files::full_name(file, *last));
        let mut has = false;
        let read = read::lines(&path, &mut |line: Line| {
            let mac = link::split(&line.text).map(|(_, mac)| mac);
            let record: Option<Record> = serde_json::from_slice(&line.text).ok();
            has = record.is_some_and(|record| record.seq == link.seq) && mac == Some(link.mac);
            !has
        });
        match read {
            Err(error) if error.is_absence() => Ok(false),
            read => read.map(|_| has),
        }
    }

    fn in_files(
        key: &Key,
        file: &Path,
        full: Option<&Full>,
        head: Presence,
    ) -> Result<Self, AuditError> {
        let start = Head { link: Link::START, first: 1 };
        let (known, is_known) = match head {
            Presence::Valid(head) => (head, true),
            _ => (start, false),
        };
        let mut found = Self {
            link: known.link,
            first: known.first,
            full: Vec::new(),
            damage: None,
            unsettled: 0,
            torn: None,
            fresh: true,
        };
        if is_known && ends_with(file, &known.link)? {
            found.fresh = false;
            return Ok(found);
        }
        let last = scan(key, file)?;
        let is_foreign = last.is_foreign();
        (found.torn, found.fresh) = (last.torn, last.link.is_none());
        if is_foreign && !is_known {
            return Err(AuditError::Foreign(file.to_owned()));
        }
        let (link, first) = match (last.link, full) {
            (Some(link), _) => (link, last.first),
            (None, Some(full)) if is_known && ends_with(&full.path, &known.link)? => {
                (known.link, known.first)
            }
            (None, Some(full)) => {
                let scanned = scan(key, &full.path)?;
                (scanned.link.unwrap_or(Link::START), scanned.first)
            }
            // All that was full may have been removed.
            (None, None) if known.first == known.link.seq + 1 => (known.link, known.first),
            (None, None) => (Link::START, 1),
        };
        match head {
            Presence::Valid(head) if link.seq > head.link.seq || link == head.link => {
                found.link = link;
                found.unsettled = link.seq - head.link.seq;
            }
            Presence::Valid(_) => found.damage = Some(CUT_OFF),
            // Nothing at all is the start of all.
            Presence::Absent if link == Link::START && full.is_none() => {}
            Presence::Absent | Presence::Invalid => {
                (found.link, found.first) = (link, first);
                let absent = head == Presence::Absent;
                found.damage = Some(if absent { NO_HEAD } else { BAD_HEAD });
            }
        }
        Ok(found)
    }
}

/// Whether a full file is one of this chain: its first line says what it was called, and its last
/// one has the number that it is called after. Others may lie there under such names.
pub(crate) fn is_ours(key: &Key, file: &Path, full: &Full) -> bool {
    let Ok(Some(last)) = last_line(key, &full.path) else { return false };
    let mut opened = false;
    let read = read::lines(&full.path, &mut |line: Line| {
        let record: Option<Record> = serde_json::from_slice(&line.text).ok();
        opened = record.is_some_and(|record| {
            let mut link = record.before();
            record.file.as_deref() == Some(&*files::name(file))
                && link.as_mut().is_some_and(|link| link.follow(key, record.seq, &line.text))
        });
        // Half a line may stand before it.
        !opened && line.number == 1
    });
    read.is_ok() && opened && last == full.last
}

/// The number of the last line of a file, if that fits behind the one before it.
fn last_line(key: &Key, path: &Path) -> Result<Option<u64>, AuditError> {
    let tail = tail(path)?;
    let Some(lines) = tail.strip_suffix(b"\n") else { return Ok(None) };
    let mut lines = lines.rsplit(|byte| *byte == b'\n');
    let (Some(last), before) = (lines.next(), lines.next()) else { return Ok(None) };
    let Ok(record) = serde_json::from_slice::<Record>(last) else { return Ok(None) };
    let link = match before.and_then(link::split) {
        Some((_, mac)) => record.seq.checked_sub(1).map(|seq| Link { seq, mac }),
        None => record.before(),
    };
    let fits = link.is_some_and(|mut link| link.follow(key, record.seq, last));
    Ok(fits.then_some(record.seq))
}

/// Whether this is the last line of the file, whole.
fn ends_with(path: &Path, link: &Link) -> Result<bool, AuditError> {
    let tail = tail(path)?;
    let Some(lines) = tail.strip_suffix(b"\n") else { return Ok(false) };
    let start = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = &lines[start..];
    let seq = serde_json::from_slice::<Record>(line).ok().map(|record| record.seq);
    let mac = link::split(line).map(|(_, mac)| mac);
    Ok(seq == Some(link.seq) && mac == Some(link.mac))
}

/// The end of a file; nothing if there is none.
fn tail(path: &Path) -> Result<Vec<u8>, AuditError> {
    let mut tail = Vec::new();
    let mut file = match files::open_to_read(path) {
        Ok(file) => file,
        Err(error) if error.is_absence() => return Ok(tail),
        Err(error) => return Err(error),
    };
    let mut read = || -> io::Result<()> {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        Read::take(&mut file, TAIL).read_to_end(&mut tail)?;
        Ok(())
    };
    read().map_err(AuditError::reading(path))?;
    Ok(tail)
}

/// What is in one file.
struct Scanned {
    /// The number of the first line.
    first: u64,
    /// The last line that is whole.
    link: Option<Link>,
    /// What follows it.
    torn: Option<Torn>,
    /// It begins as the first line of a file does.
    begun: bool,
}

impl Scanned {
    /// There is something in it, which is no line of ours, nor half of the first one.
    fn is_foreign(&self) -> bool {
        self.link.is_none() && self.torn.as_ref().is_some_and(|torn| !self.begun || !torn.is_open())
    }
}

fn scan(key: &Key, path: &Path) -> Result<Scanned, AuditError> {
    let mut scanned = Scanned { first: 1, link: None, torn: None, begun: false };
    let each = &mut |line: Line| {
        let Scanned { first, link, torn, begun } = &mut scanned;
        *begun |= line.number == 1 && BEGINNING.starts_with(&line.text[..line.text.len().min(7)]);
        let record: Option<Record> = serde_json::from_slice(&line.text).ok();
        let fits = record.filter(|record| line.ended && record.mends(torn.as_ref()));
        let fits = fits.and_then(|record| {
            let mut next = link.or_else(|| record.before())?;
            let before = next;
            next.follow(key, record.seq, &line.text).then_some((next, before.seq + 1))
        });
        match fits {
            Some((next, number)) => {
                *first = if link.is_none() { number } else { *first };
                (*link, *torn) = (Some(next), None);
            }
            None => torn.get_or_insert_with(Torn::new).add(&line),
        }
        true
    };
    match read::lines(path, each) {
        Err(error) if error.is_absence() => {}
        read => drop(read?),
    }
    Ok(scanned)
}

/// How every line begins.
const BEGINNING: &[u8] = b"{\"seq\":";
