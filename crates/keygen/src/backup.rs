//! Copies of the store.

use std::path::Path;

use mcp_auth::shell;
use serde_json::json;
use store::{Ledger, StoreError};

use crate::cli::Place;
use crate::{Error, Report};

pub(crate) fn run(place: &Place, copy: &Path) -> Result<Report, Error> {
    let path = place.store_file();
    if !path.exists() {
        return Err(Error::Invalid(format!(
            "there is no store {}; name one with --keys or --store",
            path.display()
        )));
    }
    Ledger::open(&path)?.back_up(copy).map_err(|error| match error {
        StoreError::Io { source, .. } => Error::Invalid(format!(
            "cannot write {}: {source}; name a file that is not there yet",
            copy.display()
        )),
        error => error.into(),
    })?;
    let (from, to) = (copy.to_string_lossy(), path.to_string_lossy());
    let text = format!(
        "copied the store to {} (only you can read it)\nput it back:  mv {} {}\n",
        copy.display(),
        shell::word(&from),
        shell::word(&to)
    );
    Ok(Report::new(text, json!({ "store": to, "copy": from })))
}
