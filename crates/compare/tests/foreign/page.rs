//! `docs/troubleshooting.md`: what was seen stands there, word for word.
//!
//! `UPDATE_GOLDEN=1 cargo test -p compare --test foreign -- --test-threads 1` rewrites it. Read
//! the difference.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use compare::{Kind, World};

use crate::program::Program;
use crate::seen::Observed;
use crate::steps::REFUSALS;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/troubleshooting.md");

/// Compares what was seen with what the page says of this part.
pub(crate) fn says(part: &str, seen: &str) {
    let page = std::fs::read_to_string(Path::new(PAGE)).unwrap();
    let (opening, closing) = (format!("<!-- seen: {part} -->\n"), "<!-- /seen -->");
    let start = page.find(&opening).unwrap_or_else(|| panic!("no {opening} in the page"));
    let start = start + opening.len();
    let end = start + page[start..].find(closing).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PAGE, format!("{}{seen}{}", &page[..start], &page[end..])).unwrap();
        return;
    }
    let said = &page[start..end];
    assert!(
        seen == said,
        "docs/troubleshooting.md does not say what users of {part} see; read why, and if that is \
         meant, run with UPDATE_GOLDEN=1\n seen, and not in the page:\n{}\n in the page, and not \
         seen:\n{}",
        missing(seen, said),
        missing(said, seen)
    );
}

/// The lines that stand in one text alone.
fn missing(here: &str, there: &str) -> String {
    let lines = here.lines().filter(|line| !there.lines().any(|other| other == *line));
    lines.collect::<Vec<_>>().join("\n")
}

/// One row for each sentence that a user sees, and where.
pub(crate) fn table(program: &Program, world: &World, observed: &[Observed]) -> String {
    let mut text = format!("`{}` {}:\n\n", program.package, program.version());
    text.push_str("| situation | where | its user sees |\n|---|---|---|\n");
    for (step, title) in REFUSALS {
        let here: Vec<_> = observed.iter().filter(|one| one.seen.step == step).collect();
        let mut sentences: Vec<String> = Vec::new();
        for one in &here {
            let sentence = one.masked(world.side(one.kind).origin());
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        for sentence in sentences {
            let said = |one: &&&Observed| one.masked(world.side(one.kind).origin()) == sentence;
            let places = here.iter().filter(said).map(|one| (one.kind, one.protocol)).collect();
            let _ =
                writeln!(text, "| {title} | {} | {} |", place(program, &places), code(&sentence));
        }
    }
    text
}

/// A sentence as code, in one line of a table.
pub(crate) fn code(sentence: &str) -> String {
    format!("`{}`", sentence.lines().collect::<Vec<_>>().join(" ").replace('|', "\\|"))
}

/// In the fewest words: which servers, which generations of the protocol.
fn place(program: &Program, places: &BTreeSet<(Kind, &'static str)>) -> String {
    let kinds: BTreeSet<Kind> = places.iter().map(|(kind, _)| *kind).collect();
    let protocols: BTreeSet<&str> = places.iter().map(|(_, protocol)| *protocol).collect();
    assert_eq!(places.len(), kinds.len() * protocols.len(), "{places:?} is no rectangle");
    let mut words = Vec::new();
    if kinds.len() < Kind::ALL.len() {
        words.push(kinds.iter().map(|kind| kind.title()).collect::<Vec<_>>().join(", "));
    }
    if protocols.len() < program.modes.len() {
        words.push(protocols.into_iter().collect::<Vec<_>>().join(", "));
    }
    if words.is_empty() { "everywhere".to_owned() } else { words.join("; ") }
}
