//! The secret with which `jwt-server` signs, and the one that takes over from it.

use std::path::Path;

use jiff::Timestamp;
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::authn::jwt::{Signers, VerifyingKey};
use mcp_auth::{secret, shell};
use serde_json::json;

use crate::cli::{self, Place};
use crate::lock::{self, Lock};
use crate::rotation::{Kept, Ring, Takeover};
use crate::rsa::after_dashes;
use crate::{Error, Report};

pub(crate) const FILE: &str = "jwt.secret";

pub(crate) fn run(place: &Place, options: &cli::Secret) -> Result<Report, Error> {
    let path = options.out.clone().unwrap_or_else(|| place.keys.join(FILE));
    if options.rotate.rotate || options.rotate.prune {
        return change(place, options, &path);
    }
    let file = secret::place(&path)?;
    let _lock = path.exists().then(|| Lock::beside(&file)).transpose()?;
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

fn change(place: &Place, options: &cli::Secret, path: &Path) -> Result<Report, Error> {
    let shown = path.display();
    let mut flags = place.flag();
    if let Some(out) = &options.out {
        flags.push_str(&format!(" --out {}", shell::word(&out.to_string_lossy())));
    }
    if !path.exists() {
        return Err(Error::Invalid(format!(
            "there is no {shown}; make a secret with: cargo run -p keygen -- secret{flags}"
        )));
    }
    let file = secret::place(path)?;
    let path = file.as_path();
    let _lock = Lock::beside(path)?;
    lock::sweep(path);
    let text = secret::read(path)?;
    let mut ring = Signers::hs256(&text).and_then(|_| Ring::read(&text, kid)).map_err(|error| {
        Error::Invalid(format!(
            "cannot use {shown}: {error}; mend it, or replace it with: cargo run -p keygen -- \
             secret --force{flags}"
        ))
    })?;
    if ring.is_over(Timestamp::now()) {
        return Err(Error::Invalid(format!(
            "every secret in {shown} is over; replace it with: cargo run -p keygen -- secret \
             --force{flags}"
        )));
    }
    let removed = ring.prune(Timestamp::now());
    let said = if options.rotate.rotate {
        let when = Takeover::planned(&options.rotate)?;
        let next = new_hs256_secret();
        let next = Kept::new(kid(&next).map_err(|error| Error::Invalid(error.to_string()))?, &next);
        let said = when.said("secret", &next.kid, &format!("secret --prune{flags}"));
        ring.take_over(next, when)?;
        said
    } else {
        Takeover::removed(&removed)
    };
    secret::write(path, &ring.render(), true)?;
    let text = format!("{said}in {shown} are now\n{}", ring.lines());
    let json = json!({ "file": path.to_string_lossy(), "keys": ring.json(), "removed": removed });
    Ok(Report::new(text, json))
}

fn kid(secret: &str) -> Result<String, mcp_auth::authn::jwt::KeyError> {
    Ok(VerifyingKey::hs256(secret)?.kid().to_owned())
}
