//! The secret with which `jwt-server` signs.

use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::{secret, shell};
use serde_json::json;

use crate::cli::{self, Place};
use crate::rsa::after_dashes;
use crate::{Error, Report};

pub(crate) const FILE: &str = "jwt.secret";

pub(crate) fn run(place: &Place, options: &cli::Secret) -> Result<Report, Error> {
    let path = options.out.clone().unwrap_or_else(|| place.keys.join(FILE));
    secret::write(&path, &format!("{}\n", *new_hs256_secret()), options.force)?;
    let mut flags = place.flag();
    if options.out.is_some() {
        flags.push_str(&format!(" --secret-file {}", shell::word(&path.to_string_lossy())));
    }
    let text = format!(
        "made a secret of 256 bits in {} (only you can read it)\nnext: cargo run -p jwt-server{}\n",
        path.display(),
        after_dashes(&flags),
    );
    Ok(Report::new(text, json!({ "file": path.to_string_lossy() })))
}
