//! Whether all lines are there, as they were written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::head::{Head, Presence};
use crate::key::Key;
use crate::link::Link;
use crate::read::{self, Line};
use crate::{AuditError, Record, files, log};

/// How often it begins again because a server has turned a file over in the meantime.
const TRIES: usize = 3;

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// All files, the oldest first.
    pub files: Vec<PathBuf>,
    /// How many lines fit, up to the first that does not.
    pub lines: u64,
    /// The number of the first line.
    pub first: Option<u64>,
    /// The number of the last line that fits.
    pub last: Option<u64>,
    /// From when the first line is.
    pub since: Option<String>,
    /// From when the last line is that fits.
    pub until: Option<String>,
    /// What is no damage, and worth knowing.
    pub notes: Vec<Note>,
    /// The first damage, if there is any.
    pub damage: Option<Damage>,
}

/// Where something is worth knowing.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    /// The file.
    pub file: PathBuf,
    /// The number of the line in it.
    pub line: u64,
    /// What it is.
    pub text: String,
}

/// The first place where the lines are not as they were written.
#[derive(Clone, Debug, Serialize)]
pub struct Damage {
    /// What was done, as far as one can tell.
    pub what: What,
    /// The file.
    pub file: PathBuf,
    /// The number of the line in it; one behind the last if that is missing.
    pub line: u64,
    /// The number that a whole line would have there.
    pub expected: u64,
    /// What was expected and what was found, in words.
    pub text: String,
}

/// What was done to lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A line is not as it was written, or was never written.
    Altered,
    /// The end is missing.
    CutOff,
    /// Lines are missing.
    Missing,
    /// Lines stand in another order, or twice.
    Reordered,
    /// It cannot be told whether lines are missing.
    Unproven,
}

/// Goes through all files of this audit, from the oldest that is kept.
///
/// It says nothing about who has the key: whoever has it can write what fits.
///
/// # Errors
/// A file, the key or the head cannot be read.
pub fn verify(file: &Path, key: &Path) -> Result<Report, AuditError> {
    let key = Key::open(key)?;
    for _ in 1..TRIES {
        let before = read::paths(file)?;
        let report = Walk::all(&key, file, before.clone())?;
        if report.damage.is_none() || read::paths(file)? == before {
            return Ok(report);
        }
    }
    Walk::all(&key, file, read::paths(file)?)
}

const OTHER_KEY: &str = "is not under this key";

/// On its way through the lines.
struct Walk<'a> {
    key: &'a Key,
    head: Head,
    /// What is wrong with it, if something is.
    no_head: Option<&'static str>,
    paths: &'a [PathBuf],
    report: Report,
    /// The last line that fits.
    link: Option<Link>,
    /// What was no line, since then.
    torn: Option<Torn>,
    /// The number of lines of the file that is being read.
    number: u64,
}

/// What is no line.
struct Torn {
    file: PathBuf,
    line: u64,
    bytes: Vec<u8>,
}

impl Torn {
    /// Half a line, behind which there is nothing yet.
    fn is_open(&self) -> bool {
        !self.bytes.ends_with(b"\n")
    }
}

impl<'a> Walk<'a> {
    fn all(key: &'a Key, file: &Path, paths: Vec<PathBuf>) -> Result<Report, AuditError> {
        // Before the lines: those that are written meanwhile are not missed.
        let head_path = files::head_of(file);
        let head = match File::open(&head_path) {
            Ok(head) => Head::read(key, &head),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Presence::Absent),
            Err(error) => Err(error),
        };
        let head = head.map_err(AuditError::reading(&head_path))?;
        let no_head = match head {
            Presence::Valid(_) => None,
            Presence::Absent => Some("is missing"),
            Presence::Invalid => Some(OTHER_KEY),
        };
        let head = match head {
            Presence::Valid(head) => head,
            _ => Head { link: Link::START, first: 0 },
        };
        let mut walk = Walk {
            key,
            head,
            no_head,
            paths: &paths,
            report: Report { files: paths.clone(), ..Report::default() },
            link: None,
            torn: None,
            number: 0,
        };
        for path in &paths {
            walk.number = 0;
            if !read::lines(path, &mut |line| walk.line(&line).is_ok())? {
                break;
            }
        }
        if walk.report.damage.is_none() {
            walk.end(paths.last().expect("there is a file"));
        }
        if let (None, Some(what)) = (&walk.report.damage, no_head) {
            let line = walk.number + 1;
            let text = format!("the head file {what}: whether the end was cut off cannot be told");
            let _ = walk.damage(What::Unproven, paths.last().expect("there is a file"), line, text);
        }
        Ok(walk.report)
    }

    /// `Err` where there is nothing more to be looked at.
    fn line(&mut self, line: &Line) -> Result<(), ()> {
        self.number = line.number;
        let record = serde_json::from_slice::<Record>(&line.text).ok().filter(|_| line.ended);
        let Some(record) = record else {
            self.tear(line);
            return Ok(());
        };
        let Some(mut link) = self.link.or_else(|| self.beginning(&record)) else {
            let text =
                format!("a file begins with a line that says so, and line {} does not", record.seq);
            return self.damage(What::Altered, &line.file, line.number, text);
        };
        let expected = link.seq + 1;
        if !link.follow(self.key, record.seq, &line.text) {
            return self.misfit(line, &record, expected);
        }
        if link.seq == self.head.link.seq && link != self.head.link {
            let text =
                format!("the head knows another line {expected}: they are from two histories");
            return self.damage(What::Altered, &line.file, line.number, text);
        }
        self.mended(line, &record)?;
        if self.link.is_none() {
            self.report.first = Some(record.seq);
            self.report.since = Some(record.time.clone());
            if self.head.first != 0 && record.seq > self.head.first {
                let text = format!(
                    "lines {} to {} are missing: a full file was removed",
                    self.head.first,
                    record.seq - 1
                );
                return self.damage(What::Missing, &line.file, line.number, text);
            }
        }
        self.link = Some(link);
        self.report.lines += 1;
        self.report.last = Some(record.seq);
        self.report.until = Some(record.time.clone());
        if let Some(found) = &record.found {
            let text = format!("a server that started here found that {found}");
            return self.damage(What::Unproven, &line.file, line.number, text);
        }
        self.count(line, &record);
        Ok(())
    }

    fn beginning(&self, record: &Record) -> Option<Link> {
        let before = log::before(record)?;
        (before.seq != 0 || before == Link::START).then_some(before)
    }

    /// A line of ours that is not the next one, or no line of ours.
    fn misfit(&mut self, line: &Line, record: &Record, expected: u64) -> Result<(), ()> {
        let found = record.seq;
        if self.link.is_none() && self.no_head == Some(OTHER_KEY) {
            let text = "neither it nor the head file was written under this key; name the right \
                one with --key";
            return self.damage(What::Unproven, &line.file, line.number, text.to_owned());
        }
        if let Some(torn) = self.torn.take() {
            let text = format!("line {expected} was expected, and what stands there is no line");
            return self.damage(What::Altered, &torn.file, torn.line, text);
        }
        if found == expected {
            let text = format!(
                "line {expected} was expected, and what stands there is not what was written"
            );
            return self.damage(What::Altered, &line.file, line.number, text);
        }
        if found < expected {
            let text = format!("line {expected} was expected, and line {found} stands there again");
            return self.damage(What::Reordered, &line.file, line.number, text);
        }
        if self.is_later(expected) {
            let text =
                format!("line {expected} was expected and comes later; line {found} stands there");
            return self.damage(What::Reordered, &line.file, line.number, text);
        }
        let missing = match found - expected {
            1 => format!("line {expected} is missing"),
            _ => format!("lines {expected} to {} are missing", found - 1),
        };
        self.damage(
            What::Missing,
            &line.file,
            line.number,
            format!("{missing}: line {found} stands there"),
        )
    }

    fn is_later(&self, seq: u64) -> bool {
        let mut later = false;
        for path in self.paths {
            // What cannot be read now was read before.
            let _ = read::lines(path, &mut |line| {
                let found =
                    serde_json::from_slice::<Record>(&line.text).is_ok_and(|r| r.seq == seq);
                later |= found;
                !found
            });
        }
        later
    }

    fn tear(&mut self, line: &Line) {
        let Line { file, number, .. } = line;
        let torn = self.torn.get_or_insert_with(|| Torn {
            file: file.clone(),
            line: *number,
            bytes: Vec::new(),
        });
        torn.bytes.extend_from_slice(&line.text);
        torn.bytes.extend_from_slice(if line.ended { b"\n" } else { b"" });
    }

    /// After something that was no line there has to be one that says so.
    fn mended(&mut self, line: &Line, record: &Record) -> Result<(), ()> {
        let torn = self.torn.take();
        if !record.mends(torn.as_ref().map_or(b"", |torn| &torn.bytes)) {
            let text =
                format!("line {} was expected, and what stands there is no line", record.seq);
            let (file, line) =
                torn.as_ref().map_or((&line.file, line.number), |torn| (&torn.file, torn.line));
            return self.damage(What::Altered, file, line, text);
        }
        let Some(torn) = torn else { return Ok(()) };
        let text = format!(
            "{} bytes are no line: a server was killed while it wrote, and the next one says so; \
             the decision that they were is lost",
            torn.bytes.trim_ascii_end().len()
        );
        self.report.notes.push(Note { file: line.file.clone(), line: torn.line, text });
        Ok(())
    }

    /// What the file itself says is not in it.
    fn count(&mut self, line: &Line, record: &Record) {
        for (count, what) in [
            (record.refused, "refusals of strangers were counted and not written one by one"),
            (record.lost, "decisions were lost because the file could not be written"),
        ] {
            if let Some(count) = count {
                let text = format!("{count} {what}");
                self.report.notes.push(Note { file: line.file.clone(), line: line.number, text });
            }
        }
    }

    /// All lines were read.
    fn end(&mut self, file: &Path) {
        let last = self.link.map_or(0, |link| link.seq);
        let torn = self.torn.take();
        if last < self.head.link.seq {
            let (what, line) = match &torn {
                Some(torn) => ("what stands there is no line", torn.line),
                None => ("the end is cut off", self.number + 1),
            };
            let to = self.head.link.seq;
            let text = format!("line {} was expected, and {what}: lines went on to {to}", last + 1);
            // Whoever alters the last line has not cut it off.
            let kind =
                if torn.is_some_and(|torn| !torn.is_open()) { What::Altered } else { What::CutOff };
            let _ = self.damage(kind, file, line, text);
        } else if let Some(torn) = torn {
            if !torn.is_open() {
                let text =
                    format!("line {} was expected, and what stands there is no line", last + 1);
                let _ = self.damage(What::Altered, &torn.file, torn.line, text);
            } else {
                let text = format!(
                    "the last {} bytes are half a line: a server writes it now, or was killed",
                    torn.bytes.len()
                );
                self.report.notes.push(Note { file: torn.file, line: torn.line, text });
            }
        }
    }

    /// The first is what counts. Always `Err`.
    fn damage(&mut self, what: What, file: &Path, line: u64, text: String) -> Result<(), ()> {
        let expected = self.link.map_or(self.head.first.max(1), |link| link.seq + 1);
        self.report.damage = Some(Damage { what, file: file.to_owned(), line, expected, text });
        Err(())
    }
}
