//! The report as text: for a terminal, or for a README.

use std::fmt::Write;

use tabled::builder::Builder;
use tabled::settings::Style as Border;

use crate::observe::Cell;
use crate::{Ability, Cost, Kind, Report};

/// Widest line of a cell in a terminal: four columns of it fit into 120.
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
        ("What it costs", costs(&report.costs)),
        ("What each can and cannot do", abilities(report.abilities)),
    ];
    for (title, rows) in sections {
        let heading = match style {
            Style::Markdown => format!("### {title}\n\n"),
            Style::Terminal { .. } => format!("{title}\n"),
        };
        let _ = writeln!(text, "{heading}{}\n", table(rows, style));
        if title == "What it costs" {
            let _ = writeln!(text, "{}\n", measured_on(report));
        }
    }
    let _ = writeln!(text, "{}", verdict(report));
    text.truncate(text.trim_end().len());
    text.push('\n');
    coloured(text, style)
}

fn situations(report: &Report) -> Vec<Vec<String>> {
    let mut rows = vec![head("situation", Kind::ALL.map(Kind::title))];
    rows.extend(report.situations.iter().map(|row| {
        let cells = row.cells.values().map(Cell::line);
        std::iter::once(row.title.to_owned()).chain(cells).collect()
    }));
    rows
}

fn costs(costs: &[Cost]) -> Vec<Vec<String>> {
    let names = costs.iter().map(|cost| cost.scheme.map_or("no authentication", Kind::title));
    let row = |title: &str, value: &dyn Fn(&Cost) -> String| {
        std::iter::once(title.to_owned()).chain(costs.iter().map(value)).collect()
    };
    vec![
        std::iter::once("measured").chain(names).map(str::to_owned).collect(),
        row("verification, median", &|cost| {
            cost.verify_ns.map_or_else(|| "none".to_owned(), |ns| format!("{} ns", grouped(ns)))
        }),
        row("one whole tools/call, p50", &|cost| format!("{} µs", grouped(cost.call.p50_us))),
        row("one whole tools/call, p99", &|cost| format!("{} µs", grouped(cost.call.p99_us))),
        row("credential per request", &|cost| format!("{} bytes", cost.bytes)),
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

fn table(rows: Vec<Vec<String>>, style: Style) -> String {
    match style {
        Style::Markdown => Builder::from_iter(rows).build().with(Border::markdown()).to_string(),
        Style::Terminal { .. } => {
            let rows = rows.into_iter().map(|row| row.iter().map(|cell| wrapped(cell)).collect());
            let rows: Vec<Vec<String>> = rows.collect();
            Builder::from_iter(rows).build().with(Border::rounded()).to_string()
        }
    }
}

fn measured_on(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "Measured on {}, {} threads, {}, {} build.",
        machine.cpu, machine.cores, machine.system, machine.build
    );
    if !machine.is_optimised() {
        text.push_str(
            " A debug build: these figures mean nothing. Run: cargo run --release -p compare",
        );
    }
    text
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

impl Cell {
    fn line(&self) -> String {
        let mark = if self.right { '✓' } else { '✗' };
        format!("{mark} {} {}", self.status, self.note)
    }
}

/// Lines end between words.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        let width = line.chars().count();
        if width > 0 && width + 1 + word.chars().count() > CELL_WIDTH {
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
        assert!(table(rows.clone(), Style::Markdown).contains("| ✗ 200 called |"));
        assert!(table(rows, Style::Terminal { colour: false }).contains("✗ 200 called"));
        let coloured = coloured("✗".into(), Style::Terminal { colour: true });
        assert_eq!(coloured, "\u{1b}[31m✗\u{1b}[0m");
    }
}
