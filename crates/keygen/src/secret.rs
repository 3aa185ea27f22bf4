//! The secret with which `jwt-server` signs.

use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::secret;
use serde_json::json;

use crate::cli::Place;
use crate::rsa::after_dashes;
use crate::{Error, Report};

pub(crate) const FILE: &str = "jwt.secret";

pub(crate) fn run(place: &Place, force: bool) -> Result<Report, Error> {
    let path = place.keys.join(FILE);
    secret::write(&path, &format!("{}\n", *new_hs256_secret()), force)?;
    let text = format!(
        "made a secret of 256 bits in {} (only you can read it)\nnext: cargo run -p jwt-server{}\n",
        path.display(),
        after_dashes(&place.flag()),
    );
    Ok(Report::new(text, json!({ "file": path.to_string_lossy() })))
}
