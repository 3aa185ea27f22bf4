//! Decisions as a table, the last ones.

use std::collections::VecDeque;
use std::io::{self, Write};

use audit::{Record, printable};
use jiff::Timestamp;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

use crate::output::note;

/// How many are shown unless that is said.
const MOST: usize = 100;

const HEADING: [&str; 9] =
    ["TIME", "DECISION", "STATUS", "USER", "ASKED FOR", "RULE", "PEER", "CREDENTIAL", "TRACE ID"];

/// The last lines that were wanted.
pub(crate) struct List {
    records: VecDeque<Record>,
    most: usize,
    /// How many came before them.
    before: u64,
}

impl List {
    pub(crate) fn of(last: Option<usize>) -> Self {
        let most = match last {
            None => MOST,
            Some(0) => usize::MAX,
            Some(last) => last,
        };
        Self { records: VecDeque::new(), most, before: 0 }
    }

    pub(crate) fn add(&mut self, record: Record) {
        if self.records.len() == self.most {
            self.records.pop_front();
            self.before += 1;
        }
        self.records.push_back(record);
    }

    pub(crate) fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if as_json {
            for record in &self.records {
                writeln!(out, "{}", record.line())?;
            }
            return out.flush();
        }
        if self.records.is_empty() {
            note("no line fits");
            return Ok(());
        }
        let mut table = Builder::default();
        table.push_record(HEADING);
        for record in &self.records {
            table.push_record(row(record));
        }
        let mut table = table.build();
        table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
        for line in table.to_string().lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        out.flush()?;
        if self.before > 0 {
            note(&format!("{} more came before these; --last 0 shows all", self.before));
        }
        Ok(())
    }
}

fn row(record: &Record) -> [String; 9] {
    let cell = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), printable);
    // To the millisecond: the file has more.
    let time = record.time.parse::<Timestamp>().map(|time| format!("{time:.3}"));
    let asked_for = match (&record.tool, &record.method, &record.endpoint) {
        (Some(tool), ..) => Some(tool.clone()),
        (None, Some(method), Some(endpoint)) if method.to_uppercase() == *method => {
            Some(format!("{method} {endpoint}"))
        }
        (None, method, _) => method.clone(),
    };
    [
        time.unwrap_or_else(|_| printable(&record.time)),
        cell(record.decision.as_deref().or(record.event.as_deref())),
        cell(record.status.map(|status| status.to_string()).as_deref()),
        cell(record.user.as_deref()),
        cell(asked_for.as_deref()),
        cell(record.rule.clone().or_else(|| about(record)).as_deref()),
        cell(record.peer.as_deref()),
        cell(record.credential.as_deref()),
        cell(record.trace_id.as_deref()),
    ]
}

/// What a line that is no decision says.
fn about(record: &Record) -> Option<String> {
    let refused = record.refused.map(|count| format!("{count} refusals of strangers"));
    let lost = record.lost.map(|count| format!("{count} decisions lost"));
    let found = record.found.as_ref().map(|_| "something was missing".to_owned());
    let unsettled = record.unsettled.map(|count| format!("{count} lines not in the head"));
    let said: Vec<_> = [refused, lost, found, unsettled].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(", "))
}
