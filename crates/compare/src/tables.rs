//! The report as text: for a terminal, or for a README.

use std::fmt::Write;

use tabled::builder::Builder;
use tabled::settings::Style as Border;

use crate::observe::Cell;
use crate::{Ability, Cost, Kind, Peer, Peers, Report};

/// Widest line of a terminal, and of a cell in it: four columns of that fit into 120.
const LINE_WIDTH: usize = 120;
const CELL_WIDTH: usize = 28;

/// Where the text is going to stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// A terminal, with or without colour.
    Terminal {
        /// Whether right and wrong are green and red.
        colour: bool,
    },
    /// A Markdown file.
    Markdown,
}

pub(crate) fn text(report: &Report, style: Style) -> String {
    let mut text = String::new();
    let sections = [
        ("What happens at the door", situations(report)),
        ("What it costs", costs(report)),
        ("What each can and cannot do", abilities(report.abilities)),
    ];
    for (title, rows) in sections {
        let heading = match style {
            Style::Markdown => format!("### {title}\n\n"),
            Style::Terminal { .. } => format!("{title}\n"),
        };
        let _ = writeln!(text, "{heading}{}\n", table(rows, style));
        if title == "What it costs" {
            let _ = writeln!(text, "{}\n", report.machine.text());
        }
    }
    let _ = writeln!(text, "{}", verdict(report));
    text.push_str(&peers(report));
    text.truncate(text.trim_end().len());
    text.push('\n');
    coloured(text, style)
}

fn situations(report: &Report) -> Vec<Vec<String>> {
    let mut rows = vec![head("situation", Kind::ALL.map(Kind::title))];
    rows[0].extend(report.peers().iter().map(|peer| peer.title.clone()));
    rows.extend(report.situations.iter().map(|row| {
        let cells = row.cells.values().map(Cell::line);
        let theirs = report.peers().iter().map(|peer| peer.situations[row.id].line_of_peer());
        std::iter::once(row.title.to_owned()).chain(cells).chain(theirs).collect()
    }));
    rows
}

fn costs(report: &Report) -> Vec<Vec<String>> {
    let names = report.costs.iter().map(|cost| {
        cost.scheme.map_or_else(|| "no authentication".to_owned(), |kind| kind.title().to_owned())
    });
    let names = names.chain(report.peers().iter().map(|peer| peer.title.clone()));
    let row = |title: &str, ours: &dyn Fn(&Cost) -> String, theirs: &dyn Fn(&Peer) -> String| {
        std::iter::once(title.to_owned())
            .chain(report.costs.iter().map(ours))
            .chain(report.peers().iter().map(theirs))
            .collect()
    };
    let bytes = |bytes: usize| format!("{bytes} bytes");
    let call = |us: u64| format!("{} µs", grouped(us));
    let took =
        |ns: Option<u64>| ns.map_or_else(|| "none".to_owned(), |ns| format!("{} ns", grouped(ns)));
    let unmeasured = |_: &Peer| "not measured".to_owned();
    vec![
        std::iter::once("measured".to_owned()).chain(names).collect(),
        row("verification at first sight", &|c| took(c.verify_ns), &unmeasured),
        row("verification, seen before", &|c| took(c.verify_again_ns), &unmeasured),
        row("one whole tools/call, p50", &|c| call(c.call.p50_us), &|p| call(p.call.p50_us)),
        row("one whole tools/call, p99", &|c| call(c.call.p99_us), &|p| call(p.call.p99_us)),
        row("credential per request", &|c| bytes(c.bytes), &|p| bytes(p.bytes)),
    ]
}

fn abilities(abilities: &[Ability]) -> Vec<Vec<String>> {
    let mut rows = vec![head("question", Kind::ALL.map(Kind::title))];
    rows.extend(abilities.iter().map(|one| head(one.question, [one.apikey, one.jwt, one.rbac])));
    rows
}

fn head(first: &str, rest: [&str; 3]) -> Vec<String> {
    std::iter::once(first).chain(rest).map(str::to_owned).collect()
}

pub(crate) fn table(rows: Vec<Vec<String>>, style: Style) -> String {
    match style {
        Style::Markdown => Builder::from_iter(rows).build().with(Border::markdown()).to_string(),
        Style::Terminal { .. } => {
            let columns = rows.first().map_or(1, Vec::len);
            let width = CELL_WIDTH.min(LINE_WIDTH / columns);
            let line = |row: Vec<String>| row.iter().map(|cell| wrapped(cell, width)).collect();
            let rows = rows.into_iter().map(line);
            let rows: Vec<Vec<String>> = rows.collect();
            Builder::from_iter(rows).build().with(Border::rounded()).to_string()
        }
    }
}

fn verdict(report: &Report) -> String {
    let cells = report.situations.iter().flat_map(|row| row.cells.values());
    let (all, wrong) =
        cells.fold((0, 0), |(all, wrong), cell| (all + 1, wrong + usize::from(!cell.right)));
    match wrong {
        0 => format!("All {all} observations are right."),
        1 => format!("✗ 1 of {all} observations is wrong."),
        _ => format!("✗ {wrong} of {all} observations are wrong."),
    }
}

/// What stands below the tables about servers of other people.
fn peers(report: &Report) -> String {
    let mut text = String::new();
    match &report.peers {
        None => {}
        Some(Peers::LeftOut(why)) => {
            let _ = writeln!(text, "\nFastMCP is left out: {why}.");
        }
        Some(Peers::Seen(peers)) => {
            text.push('\n');
            for Peer { title, settings, situations, .. } in peers {
                let other = situations.values().filter(|cell| !cell.right).count();
                let all = situations.len();
                let _ = writeln!(
                    text,
                    "{title}: does in {} of {all} situations what we hold right, and something \
                     else in {other} (≠). Set up as its documentation shows: {settings}.",
                    all - other
                );
            }
            text.push_str(
                "Ours run in the process that asks, with every layer and their limits out of reach; \
                 the peers each in a process of their own.\n",
            );
        }
    }
    text
}

impl Cell {
    /// A server of other people is not wrong where it does something else.
    fn line_of_peer(&self) -> String {
        let mark = if self.right { '✓' } else { '≠' };
        format!("{mark} {} {}", self.status, self.note)
    }

    fn line(&self) -> String {
        let mark = if self.right { '✓' } else { '✗' };
        format!("{mark} {} {}", self.status, self.note)
    }
}

/// Lines end between words.
fn wrapped(text: &str, most: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        let width = line.chars().count();
        if width > 0 && width + 1 + word.chars().count() > most {
            lines.push(word.to_owned());
        } else {
            if width > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

/// Done last: a table counts every character, and these have no width.
fn coloured(text: String, style: Style) -> String {
    if style != (Style::Terminal { colour: true }) {
        return text;
    }
    text.replace('✓', "\u{1b}[32m✓\u{1b}[0m").replace('✗', "\u{1b}[31m✗\u{1b}[0m")
}

/// 1234567 as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_wrong_cell_says_so_in_both_forms() {
        let cell = Cell::new(200, "called", false);
        let rows = vec![vec!["situation".into(), "a".into()], vec!["x".into(), cell.line()]];
        assert_eq!(cell.line_of_peer(), "≠ 200 called");
        assert!(table(rows.clone(), Style::Markdown).contains("| ✗ 200 called |"));
        assert!(table(rows, Style::Terminal { colour: false }).contains("✗ 200 called"));
        let coloured = coloured("✗".into(), Style::Terminal { colour: true });
        assert_eq!(coloured, "\u{1b}[31m✗\u{1b}[0m");
    }
}
