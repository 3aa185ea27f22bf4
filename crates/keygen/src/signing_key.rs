//! The keys that sign tokens: which there are, and those that must count no more.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use mcp_auth::authn::jwt::KeySet;
use mcp_auth::secret;
use serde_json::json;
use store::{Revocation, Store};

use crate::cli::Place;
use crate::rsa::PUBLIC_FILE;
use crate::table::{or_dash, table};
use crate::{Error, Report};

/// One key of the keys folder.
struct Found {
    kid: String,
    algorithm: &'static str,
    until: Option<Timestamp>,
    file: PathBuf,
}

/// What the keys folder holds. The store is not asked: it keeps the names of revoked keys alone.
pub(crate) fn list(place: &Place) -> Result<Report, Error> {
    let found = found(place)?;
    let store = Store::open(&place.store_file())?;
    let revoked = store.revoked_signing_keys()?;
    let now = Timestamp::now();
    let state = |key: &Found| {
        if revoked.contains(&key.kid) {
            "revoked"
        } else if key.until.is_some_and(|until| until <= now) {
            "over"
        } else {
            "verifies"
        }
    };
    let json = found.iter().map(|key| {
        json!({
            "kid": key.kid, "alg": key.algorithm, "state": state(key),
            "verifies_until": key.until.map(|until| until.to_string()),
            "file": key.file.to_string_lossy(),
        })
    });
    let json = json.collect();
    if found.is_empty() {
        let flag = place.flag();
        let text = format!(
            "there is no key in {}\nmake one: cargo run -p keygen --{flag} rsa, or secret",
            place.keys.display()
        );
        return Ok(Report::new(text, json));
    }
    let rows: Vec<_> = found
        .iter()
        .map(|key| {
            [
                key.kid.clone(),
                key.algorithm.to_owned(),
                state(key).to_owned(),
                or_dash(key.until.map(|until| format!("{until:.0}"))),
                key.file.display().to_string(),
            ]
        })
        .collect();
    Ok(Report::new(table(["KID", "ALG", "STATE", "UNTIL", "FILE"], &rows), json))
}

pub(crate) fn revoke(place: &Place, kid: &str) -> Result<Report, Error> {
    let revoked = Store::open(&place.store_file())?.revoke_signing_key(kid)?;
    let since = revoked.since();
    let mut text = match revoked {
        Revocation::Now(_) => format!(
            "every token that the key {kid} signed is refused within a quarter of a second, and \
             what is open for them ends\n"
        ),
        Revocation::Already(_) => format!("the key {kid} was revoked already, at {since:.0}\n"),
    };
    let own = found(place)?.into_iter().find(|key| key.kid == kid);
    let next = own.map(|key| if key.algorithm == "HS256" { "secret" } else { "rsa" });
    match next {
        Some(next) => text.push_str(&format!(
            "make another that signs:  cargo run -p keygen --{} {next} --force\n",
            place.flag()
        )),
        None => {
            text.push_str("it is none of this keys folder: its issuer has to sign with another\n")
        }
    }
    Ok(Report::new(text, json!({ "kid": kid, "revoked": since.to_string() })))
}

/// A file that is not there holds no key.
fn found(place: &Place) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let path = place.keys.join(PUBLIC_FILE);
    if path.exists() {
        let text = fs::read_to_string(&path)
            .map_err(|error| Error::bad_key(path.clone(), &error, &place.keys))?;
        let keys = KeySet::rs256(&text)
            .map_err(|error| Error::bad_key(path.clone(), &error, &place.keys))?;
        found.extend(keys.iter().map(|key| Found {
            kid: key.kid().to_owned(),
            algorithm: "RS256",
            until: key.until(),
            file: path.clone(),
        }));
    }
    let path = place.keys.join("jwt.secret");
    if path.exists() {
        let text = secret::read(&path)?;
        let keys = KeySet::hs256(&text)
            .map_err(|error| Error::Invalid(format!("cannot use {}: {error}", path.display())))?;
        found.extend(keys.iter().map(|key| Found {
            kid: key.kid().to_owned(),
            algorithm: "HS256",
            until: key.until(),
            file: path.clone(),
        }));
    }
    Ok(found)
}
