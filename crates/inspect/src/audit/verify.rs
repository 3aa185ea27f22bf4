//! Whether an audit file is whole.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use audit::{Elsewhere, KEY_FILE, Report, escaped, printable};
use mcp_auth::audit::KeptHeads;
use serde_json::json;
use store::Ledger;

use crate::cli::Verify;
use crate::output::{Progress, paint};

/// What no check of the files can find.
const CAVEAT: &str = "whoever has the key can forge all of this, and an older copy of all files \
    put back together looks the same, unless the store is asked too, with --store";

/// What no check can find.
const CAVEAT_WITH_STORE: &str =
    "whoever has the key can forge all of this, where the store can be changed as well";

/// The last line does not say that a server ended.
const OPEN: &str = "a server writes it now; if none does, it was killed, and what it had decided \
    last may be missing";

/// Goes through all lines.
pub(crate) fn verify(options: &Verify) -> anyhow::Result<ExitCode> {
    let key = options.key.clone().unwrap_or_else(|| options.keys.join(KEY_FILE));
    let progress = Progress::start(format!("checking {}", options.file.display()));
    let heads = options.store.as_deref().map(heads).transpose()?;
    let written_as = options.written_as.as_ref().unwrap_or(&options.file);
    let report =
        audit::verify(&options.file, &key, heads.map(|heads| Elsewhere { heads, written_as }))?;
    drop(progress);
    let caveat = if options.store.is_some() { CAVEAT_WITH_STORE } else { CAVEAT };
    let ok = report.damage.is_none();
    let text = if options.json {
        let mut document = json!({ "ok": ok, "caveat": caveat });
        let members = serde_json::to_value(&report)?;
        if let (Some(document), serde_json::Value::Object(members)) =
            (document.as_object_mut(), members)
        {
            document.extend(members);
        }
        escaped(&format!("{document:#}\n"))
    } else {
        text(&report, caveat)
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Nothing is made where there is no store.
fn heads(store: &Path) -> anyhow::Result<Arc<dyn KeptHeads>> {
    if !Ledger::may_exist(store) {
        bail!("there is no store {}; name that of the server with --store", store.display());
    }
    Ok(Arc::new(Ledger::open(store)?))
}

fn text(report: &Report, caveat: &str) -> String {
    let files = match report.files.len() {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    };
    let mut text = match &report.damage {
        None => {
            let whole = "nothing was altered, taken out, put elsewhere or cut off";
            format!("{}: {whole}\n", paint(true, "whole"))
        }
        Some(damage) => format!(
            "{} at {}, line {}: {}\n",
            paint(false, "damaged"),
            shown(&damage.file),
            damage.line,
            printable(&damage.text)
        ),
    };
    if let (Some(first), Some(last), Some(since), Some(until)) =
        (report.first, report.last, &report.since, &report.until)
    {
        let until_there = if report.damage.is_some() { " fit before it" } else { "" };
        text.push_str(&format!(
            "  {} lines{until_there}, {first} to {last}, in {files}, from {} to {}\n",
            report.lines,
            printable(since),
            printable(until)
        ));
    }
    for note in &report.notes {
        let (file, said) = (shown(&note.file), printable(&note.text));
        text.push_str(&format!("  {file}, line {}: {said}\n", note.line));
    }
    if report.damage.is_none() && !report.ended {
        text.push_str(&format!("  {OPEN}\n"));
    }
    text.push_str(&format!("  {caveat}\n"));
    text
}

/// A name may hold what terminals obey.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
