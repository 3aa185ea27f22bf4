//! The way through all lines, from the oldest that is kept.

use std::path::{Path, PathBuf};

use crate::files::{self, Full};
use crate::head::Presence;
use crate::key::Key;
use crate::known::Known;
use crate::link::Link;
use crate::read::{self, Files, Line};
use crate::torn::Torn;
use crate::writer::MOST_UNSETTLED;
use crate::{AuditError, Damage, Note, Record, Report, What};

/// On its way through the lines.
pub(crate) struct Walk<'a> {
    key: &'a Key,
    /// What the files are called.
    name: String,
    known: Known<'a>,
    report: Report,
    /// The file that is being read.
    path: PathBuf,
    /// The number of its lines.
    number: u64,
    /// The last line that fits.
    link: Option<Link>,
    /// What was no line, since then.
    torn: Option<TornAt>,
    /// Whether a server had ended as it should with the last line that says something.
    ended: Option<bool>,
    /// What a line says last of older ones that were removed.
    first: Option<Note>,
}

/// What is no line, and where it begins.
struct TornAt {
    file: PathBuf,
    line: u64,
    torn: Torn,
}

/// There is nothing more to be looked at.
struct Done;

impl<'a> Walk<'a> {
    /// `elsewhere` is the head that is kept there, if it is to be kept somewhere.
    pub(crate) fn all(
        key: &'a Key,
        file: &Path,
        mut files: Files,
        elsewhere: Option<Presence>,
    ) -> Result<Report, AuditError> {
        let file = files::behind_links(file);
        let known = Known::look(key, &file, elsewhere)?;
        let mut walk = Walk {
            key,
            name: files::name(&file),
            known,
            report: Report { files: files.paths(), ..Report::default() },
            path: file,
            number: 0,
            link: None,
            torn: None,
            ended: None,
            first: None,
        };
        if walk.files(&mut files)?.is_ok() {
            // It has said what it found, if it has found something.
            let _ = walk.end()?;
        }
        walk.report.ended = walk.ended == Some(true);
        Ok(walk.report)
    }

    fn files(&mut self, files: &mut Files) -> Result<Result<(), Done>, AuditError> {
        for full in &files.full {
            self.begin(&full.path);
            if !read::lines(&full.path, &mut |line| self.line(&line).is_ok())?
                || self.full(full).is_err()
            {
                return Ok(Err(Done));
            }
        }
        if let Some((path, active)) = files.active() {
            self.begin(path);
            if !read::lines_of(path, active, &mut |line| self.line(&line).is_ok())? {
                return Ok(Err(Done));
            }
        }
        Ok(Ok(()))
    }

    fn begin(&mut self, path: &Path) {
        self.path = path.to_owned();
        self.number = 0;
    }

    fn line(&mut self, line: &Line) -> Result<(), Done> {
        self.number = line.number;
        let record = serde_json::from_slice::<Record>(&line.text).ok().filter(|_| line.ended);
        let Some(record) = record else {
            self.tear(line);
            return Ok(());
        };
        let Some(mut link) = self.link.or_else(|| beginning(&record)) else {
            let text =
                format!("a file begins with a line that says so, and line {} does not", record.seq);
            return self.damage(What::Altered, text);
        };
        let expected = link.seq + 1;
        if !link.follow(self.key, record.seq, &line.text) {
            return self.misfit(&record, expected);
        }
        if let Some(who) = self.known.contradicts(link) {
            let text =
                format!("the {who} knows another line {expected}: they are from two histories");
            return self.damage(What::Altered, text);
        }
        self.mended(&record)?;
        if self.link.is_none() {
            self.report.first = Some(record.seq);
            self.report.since = Some(record.time.clone());
            let first = self.known.first();
            if first != 0 && record.seq > first {
                return self.removed(first, record.seq);
            }
        }
        self.link = Some(link);
        self.report.lines += 1;
        self.report.last = Some(record.seq);
        self.report.until = Some(record.time.clone());
        self.said(&record)
    }

    /// What a line that fits says about the files, if it does.
    fn said(&mut self, record: &Record) -> Result<(), Done> {
        if let Some(found) = &record.found {
            let text = format!("a server that started here found that {found}");
            return self.damage(What::Unproven, text);
        }
        if let Some(unsettled) = record.unsettled {
            self.unsettled(unsettled, "a server that started here found")?;
        }
        for (count, what) in [
            (record.refused, "refusals of strangers were counted and not written one by one"),
            (record.lost, "decisions were lost because the file could not be written"),
        ] {
            if let Some(count) = count {
                self.note(format!("{count} {what}"));
            }
        }
        match record.event.as_deref() {
            Some("opened") => return self.opened(record),
            Some("started") if self.ended == Some(false) => self.note(
                "a server started here, and the one before had not ended as it should: it was \
                 killed, and its last decisions may be missing"
                    .to_owned(),
            ),
            _ => {}
        }
        self.ended = Some(record.event.as_deref() == Some("ended"));
        Ok(())
    }

    fn opened(&mut self, record: &Record) -> Result<(), Done> {
        let name = record.file.as_deref().unwrap_or_default();
        if name != self.name {
            let text = format!(
                "this was written as {name}: it was put here in place of {}, or renamed",
                self.name
            );
            return self.damage(What::Altered, text);
        }
        if let Some(first) = record.first {
            let text = format!(
                "a server removed the lines before line {first}: only so many full files are kept"
            );
            self.first = Some(self.noted(text));
        }
        Ok(())
    }

    fn removed(&mut self, from: u64, there: u64) -> Result<(), Done> {
        let text = format!("lines {from} to {} are missing: a full file was removed", there - 1);
        self.damage(What::Missing, text)
    }

    /// A full file was read: does it end as its name says?
    fn full(&mut self, full: &Full) -> Result<(), Done> {
        let last = self.link.map_or(0, |link| link.seq);
        if last == full.last || self.torn.is_some() {
            return Ok(());
        }
        self.number += 1;
        let named = format!("it is named as if line {} were its last one", full.last);
        if self.number > 1 && last > full.last {
            return self.damage(What::Altered, format!("{named}, and line {last} is"));
        }
        let ends = if self.number == 1 { "is empty" } else { "ends" };
        let text = format!("line {} was expected, and the file {ends}: {named}", last + 1);
        self.damage(What::CutOff, text)
    }

    /// A line of ours that is not the next one, or no line of ours.
    fn misfit(&mut self, record: &Record, expected: u64) -> Result<(), Done> {
        let found = record.seq;
        if self.link.is_none() && self.known.is_of_another_key() {
            let text = "neither it nor the head file was written under this key; name the right \
                one with --key";
            return self.damage(What::Unproven, text.to_owned());
        }
        if let Some(torn) = self.torn.take() {
            let text = format!("line {expected} was expected, and what stands there is no line");
            return self.damage_at(Some(&torn), What::Altered, text);
        }
        if found == expected {
            let text = format!(
                "line {expected} was expected, and what stands there is not what was written"
            );
            return self.damage(What::Altered, text);
        }
        if found < expected {
            let text = format!("line {expected} was expected, and line {found} stands there again");
            return self.damage(What::Reordered, text);
        }
        if self.is_later(expected) {
            let text =
                format!("line {expected} was expected and comes later; line {found} stands there");
            return self.damage(What::Reordered, text);
        }
        let missing = match found - expected {
            1 => format!("line {expected} is missing"),
            _ => format!("lines {expected} to {} are missing", found - 1),
        };
        self.damage(What::Missing, format!("{missing}: line {found} stands there"))
    }

    fn is_later(&self, seq: u64) -> bool {
        let mut later = false;
        for path in &self.report.files {
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
        let at = || TornAt { file: self.path.clone(), line: line.number, torn: Torn::new() };
        self.torn.get_or_insert_with(at).torn.add(line);
    }

    /// After something that was no line there has to be one that says so.
    fn mended(&mut self, record: &Record) -> Result<(), Done> {
        let torn = self.torn.take();
        if !record.mends(torn.as_ref().map(|at| &at.torn)) {
            let text =
                format!("line {} was expected, and what stands there is no line", record.seq);
            return self.damage_at(torn.as_ref(), What::Altered, text);
        }
        let Some(TornAt { file, line, torn }) = torn else { return Ok(()) };
        let text = format!(
            "{} bytes are no line: a server was killed while it wrote, and the next one says so; \
             the decision that they were is lost",
            torn.bytes()
        );
        self.report.notes.push(Note { file, line, text });
        Ok(())
    }

    /// The head knows fewer lines than there are.
    fn unsettled(&mut self, lines: u64, who: &str) -> Result<(), Done> {
        let text = format!(
            "{who} that the head did not know the last {lines} lines: a server was killed between \
             two writes; or an older head was put back, and lines behind them are missing"
        );
        if lines > MOST_UNSETTLED {
            return self.damage(What::Unproven, text);
        }
        self.note(text);
        Ok(())
    }

    /// All lines were read.
    fn end(&mut self) -> Result<Result<(), Done>, AuditError> {
        let last = self.link.map_or(0, |link| link.seq);
        if let Err(done) = self.cut_off(last) {
            return Ok(Err(done));
        }
        if let Some(text) = self.known.is_unproven() {
            self.number += 1;
            return Ok(self.damage(What::Unproven, text));
        }
        self.report.notes.extend(self.first.take());
        let behind = self.known.behind(last)?;
        Ok(if behind > 0 { self.unsettled(behind, "it is so now") } else { Ok(()) })
    }

    fn cut_off(&mut self, last: u64) -> Result<(), Done> {
        let torn = self.torn.take();
        let to = self.known.last();
        if last < to {
            let what =
                if torn.is_some() { "what stands there is no line" } else { "the end is cut off" };
            let text = format!("line {} was expected, and {what}: lines went on to {to}", last + 1);
            self.number += 1;
            // Whoever alters the last line has not cut it off.
            let is_altered = torn.as_ref().is_some_and(|at| !at.torn.is_open());
            let kind = if is_altered { What::Altered } else { What::CutOff };
            return self.damage_at(torn.as_ref(), kind, text);
        }
        let Some(at) = torn else { return Ok(()) };
        if !at.torn.is_open() {
            let text = format!("line {} was expected, and what stands there is no line", last + 1);
            return self.damage_at(Some(&at), What::Altered, text);
        }
        let text = format!(
            "the last {} bytes are half a line: a server writes it now, or was killed",
            at.torn.bytes()
        );
        self.report.notes.push(Note { file: at.file, line: at.line, text });
        Ok(())
    }

    fn noted(&self, text: String) -> Note {
        Note { file: self.path.clone(), line: self.number, text }
    }

    fn note(&mut self, text: String) {
        self.report.notes.push(self.noted(text));
    }

    fn damage(&mut self, what: What, text: String) -> Result<(), Done> {
        self.damage_at(None, what, text)
    }

    /// The first is what counts. Always `Err`.
    fn damage_at(&mut self, at: Option<&TornAt>, what: What, text: String) -> Result<(), Done> {
        let expected = self.link.map_or(self.known.first().max(1), |link| link.seq + 1);
        let (file, line) = at.map_or((&self.path, self.number), |at| (&at.file, at.line));
        self.report.damage = Some(Damage { what, file: file.clone(), line, expected, text });
        Err(Done)
    }
}

fn beginning(record: &Record) -> Option<Link> {
    let before = record.before()?;
    (before.seq != 0 || before == Link::START).then_some(before)
}
