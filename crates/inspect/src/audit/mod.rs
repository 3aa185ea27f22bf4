//! Audit files.

mod filter;
mod list;
mod summary;
mod verify;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use audit::Record;

use crate::cli::Show;
use crate::output::{Progress, note};
use filter::Filter;
use list::List;
use summary::Summary;

pub(crate) use verify::verify;

/// Lists decisions, or counts them.
pub(crate) fn show(options: &Show) -> anyhow::Result<ExitCode> {
    let _progress = Progress::start(format!("reading {}", options.file.display()));
    let filter = Filter::of(options);
    if options.summary {
        let mut summary = Summary::default();
        each(&options.file, &filter, |record| {
            summary.add(&record);
            Ok(())
        })?;
        write!(io::stdout(), "{}", summary.render(options.json)?)?;
    } else if options.json && options.last.is_none_or(|last| last == 0) {
        let mut out = io::BufWriter::new(io::stdout().lock());
        each(&options.file, &filter, |record| writeln!(out, "{}", record.line()))?;
        out.flush()?;
    } else {
        let mut list = List::of(options.last);
        each(&options.file, &filter, |record| {
            list.add(record);
            Ok(())
        })?;
        list.print(options.json)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every line that the filter lets through. Those that cannot be read are counted.
fn each(
    file: &Path,
    filter: &Filter,
    mut each: impl FnMut(Record) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut unreadable = 0_u64;
    let mut done = Ok(());
    audit::read(file, |record| {
        match record {
            None => unreadable += 1,
            Some(record) if filter.lets_through(&record) => done = each(record),
            Some(_) => {}
        }
        done.is_ok()
    })?;
    if unreadable > 0 {
        note(&format!(
            "lines that cannot be read: {unreadable}; run: inspect audit verify {}",
            mcp_auth::shell::word(&file.to_string_lossy())
        ));
    }
    Ok(done?)
}
