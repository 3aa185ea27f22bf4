//! The keys that sign tokens: which there are, and those that must count no more.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcp_auth::authn::jwt::KeySet;
use mcp_auth::secret;
use serde_json::json;
use store::{Ledger, Revocation, StoredSigningKey};

use crate::cli::Place;
use crate::rsa::PUBLIC_FILE;
use crate::secret::FILE as SECRET_FILE;
use crate::table::{or_dash, table};
use crate::{Error, Report};

/// One key of the keys folder, or one that servers of the store have seen.
struct Found {
    kid: String,
    algorithm: String,
    until: Option<Timestamp>,
    /// `None`: it is not in the folder.
    file: Option<PathBuf>,
    /// When a server had it first and last.
    seen: Option<(Timestamp, Timestamp)>,
}

/// What the keys folder holds, and what servers verified by that it does not hold.
pub(crate) fn list(place: &Place) -> Result<Report, Error> {
    let store = Ledger::open(&place.store_file())?;
    let keys = with_seen(found(place)?, store.list_signing_keys()?);
    let revoked = store.revoked_signing_keys()?;
    let now = Timestamp::now();
    let state = |key: &Found| {
        if revoked.contains(&key.kid) {
            "revoked"
        } else if key.until.is_some_and(|until| until <= now) {
            "over"
        } else if key.file.is_none() {
            "not here"
        } else {
            "verifies"
        }
    };
    let json = keys.iter().map(|key| {
        let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        json!({
            "kid": key.kid, "alg": key.algorithm, "state": state(key),
            "verifies_until": moment(key.until),
            "first_seen": moment(key.seen.map(|(first, _)| first)),
            "last_seen": moment(key.seen.map(|(_, last)| last)),
            "file": key.file.as_ref().map(|file| file.to_string_lossy()),
        })
    });
    let json = json.collect();
    if keys.is_empty() {
        let flag = place.flag();
        let text = format!(
            "there is no key in {}\nmake one: cargo run -p keygen --{flag} rsa, or secret",
            place.keys.display()
        );
        return Ok(Report::new(text, json));
    }
    let moment = |moment: Option<Timestamp>| or_dash(moment.map(|moment| format!("{moment:.0}")));
    let row = |key: &Found| {
        [
            key.kid.clone(),
            key.algorithm.clone(),
            state(key).to_owned(),
            moment(key.until),
            moment(key.seen.map(|(first, _)| first)),
            moment(key.seen.map(|(_, last)| last)),
            or_dash(key.file.as_ref().map(|file| file.display().to_string())),
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    let head = ["KID", "ALG", "STATE", "UNTIL", "FIRST SEEN", "LAST SEEN", "FILE"];
    Ok(Report::new(table(head, &rows), json))
}

pub(crate) fn revoke(place: &Place, kid: &str) -> Result<Report, Error> {
    let revoked = Ledger::open(&place.store_file())?.revoke_signing_key(kid)?;
    let since = revoked.since();
    let bound = place.bound();
    let mut text = match revoked {
        Revocation::Now(_) => format!(
            "every token that the key {kid} signed is refused {bound}, and what is open for them \
             ends\n"
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

/// What the store says of these, and after them of others.
fn with_seen(mut keys: Vec<Found>, stored: Vec<StoredSigningKey>) -> Vec<Found> {
    for StoredSigningKey { key, first_seen, last_seen, .. } in stored {
        let seen = Some((first_seen, last_seen));
        match keys.iter_mut().find(|found| found.kid == key.kid) {
            Some(found) => found.seen = seen,
            None => keys.push(Found {
                kid: key.kid,
                algorithm: key.algorithm,
                until: key.until,
                file: None,
                seen,
            }),
        }
    }
    keys
}

/// A file that is not there holds no key.
fn found(place: &Place) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let mut add = |keys: KeySet, file: &Path| {
        found.extend(keys.iter().map(|key| Found {
            kid: key.kid().to_owned(),
            algorithm: key.algorithm(),
            until: key.until(),
            file: Some(file.to_owned()),
            seen: None,
        }));
    };
    let path = place.keys.join(PUBLIC_FILE);
    if path.exists() {
        let text = fs::read_to_string(&path)
            .map_err(|error| Error::bad_key(path.clone(), &error, &place.keys))?;
        let keys = KeySet::rs256(&text)
            .map_err(|error| Error::bad_key(path.clone(), &error, &place.keys))?;
        add(keys, &path);
    }
    let path = place.keys.join(SECRET_FILE);
    if path.exists() {
        let text = secret::read(&path)?;
        let keys = KeySet::hs256(&text)
            .map_err(|error| Error::Invalid(format!("cannot use {}: {error}", path.display())))?;
        add(keys, &path);
    }
    Ok(found)
}
