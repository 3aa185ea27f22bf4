//! From one store into another.

use std::path::Path;

use mcp_auth::shell;
use serde_json::json;
use store::{Imported, Store};

use crate::cli::Place;
use crate::{Error, Report};

pub(crate) fn run(place: &Place, from: &Path) -> Result<Report, Error> {
    if !Store::may_exist(from) {
        return Err(Error::Invalid(format!("there is no store {}", from.display())));
    }
    let path = place.store_file();
    let Imported { keys, clients, revocations } =
        Store::open(&path)?.import(&Store::open(from)?)?;
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
