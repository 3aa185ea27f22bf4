//! From one store into another.

use std::fs;
use std::path::Path;

use mcp_auth::shell;
use serde_json::json;
use store::{Imported, Ledger};

use crate::cli::Place;
use crate::{Error, Report};

pub(crate) fn run(place: &Place, from: &Path) -> Result<Report, Error> {
    // An empty file would be made a store.
    if !Ledger::may_exist(from) || fs::metadata(from).is_ok_and(|file| file.len() == 0) {
        return Err(Error::Invalid(format!("there is no store {}", from.display())));
    }
    let path = place.store_file();
    // First, so that nothing is made where it cannot be read.
    let source = Ledger::open(from)?;
    let Imported { keys, clients, revocations } = Ledger::open(&path)?.import(&source)?;
    let (from, to) = (from.to_string_lossy(), path.to_string_lossy());
    let text = format!(
        "took over from {from}: API keys {keys}, clients {clients}, revocations {revocations}\n\
         servers are told where they are now:  --store {}\n\
         change the old store no more: what is revoked there is not revoked here\n",
        shell::word(&to)
    );
    let json = json!({
        "store": to, "from": from, "keys": keys, "clients": clients, "revocations": revocations,
    });
    Ok(Report::new(text, json))
}
