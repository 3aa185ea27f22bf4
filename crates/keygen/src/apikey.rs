//! API keys: made, listed, revoked.

use jiff::Timestamp;
use mcp_auth::authn::apikey::{KeyId, PlainKey};
use mcp_auth::guard::limit::Rate;
use mcp_auth::shell;
use serde_json::{Value, json};
use store::{Ledger, NewKey, Revocation, StoreError, StoredKey};
use zeroize::Zeroizing;

use crate::cli::{CreateApiKey, Holder, Place, RotateApiKey};
use crate::handover::Handover;
use crate::table::{or_dash, table};
use crate::{Error, Report};

pub(crate) fn create(place: &Place, options: CreateApiKey) -> Result<Report, Error> {
    let CreateApiKey { holder, role, grants, read_only, rate, expires } = options;
    let plain = PlainKey::mint();
    let id = plain.id().to_string();
    let key = NewKey {
        user_number: holder.user_number.clone(),
        role,
        grants,
        read_only,
        rate,
        expires,
        ..NewKey::of(&plain, &holder.owner, &holder.name)
    };
    let mut json = json!({
        "id": id, "owner": key.owner, "name": key.name, "role": key.role, "grants": key.grants,
        "read_only": key.read_only, "rate": key.rate.map(|rate| rate.to_string()),
        "user_number": key.user_number, "expires": key.expires.map(|end| end.to_string()),
    });
    let may = if key.grants.is_empty() {
        "whoami alone; make one with --grant RULE to reach tools".to_owned()
    } else {
        key.grants.join(", ") + &limits(key.read_only, key.rate)
    };
    let ends = expires.map_or_else(|| "never".to_owned(), |end| format!("{end:.0}"));

    let store = Ledger::open(&place.store_file())?;
    let handover = Handover::choose(place, &holder, &id, ".apikey");
    let mut written = None;
    store.insert_key_when(key, || {
        written = handover.write(&format!("{}\n", plain.reveal()))?;
        Ok::<_, Error>(())
    })?;
    if let Some(written) = written {
        written.keep()?;
    }

    let mut text = Zeroizing::new(format!(
        "made API key {id} for {}\n  may call  {may}\n  ends      {ends}\n",
        holder.owner
    ));
    tell_where(&mut text, &mut json, &handover, &plain);
    text.push_str(&format!(
        "revoke it:  cargo run -p keygen --{} apikey revoke {id}\n",
        place.flags()
    ));
    Ok(Report::new(text.as_str(), json))
}

pub(crate) fn rotate(place: &Place, options: RotateApiKey) -> Result<Report, Error> {
    let former = key_id(place, &options.id)?;
    let until = Timestamp::now()
        .checked_add(options.overlap)
        .map_err(|_| Error::Invalid("--overlap reaches too far; name less".to_owned()))?;
    let plain = PlainKey::mint();
    let id = plain.id().to_string();
    let mut handover = None;
    let kept = Ledger::open(&place.store_file())?.rotate_key_when(former, &plain, until, |key| {
        let RotateApiKey { ref out, show, force, .. } = options;
        let holder = Holder {
            owner: key.owner.clone(),
            name: key.name.clone(),
            user_number: None,
            out: out.clone(),
            show,
            force,
        };
        let chosen = Handover::choose(place, &holder, &id, ".apikey");
        let written = chosen.write(&format!("{}\n", plain.reveal()))?;
        handover = Some((chosen, written));
        Ok(())
    });
    let (former, next) = kept.map_err(|error| match error {
        Error::Store(StoreError::UnknownKey(_)) => Error::unknown("apikey", &options.id, place),
        error => error,
    })?;
    let (handover, written) =
        handover.expect("the key was handed over, or it would not have been kept");
    if let Some(written) = written {
        written.keep()?;
    }
    let ends = next.expires.map_or_else(|| "never".to_owned(), |end| format!("{end:.0}"));
    let until = former.expires.unwrap_or(until);
    let mut json = json!({
        "id": id, "chain": former.chain.to_string(), "owner": next.owner, "name": next.name,
        "role": next.role, "grants": next.grants, "user_number": next.user_number,
        "read_only": next.read_only, "rate": next.rate.map(|rate| rate.to_string()),
        "expires": next.expires.map(|end| end.to_string()),
        "former": { "id": former.id.to_string(), "expires": until.to_string() },
    });
    let mut text = Zeroizing::new(format!(
        "made API key {id} for {}, with the rights of {}\n  ends      {ends}\n  before    {} stays \
         good until {until:.0}\n",
        next.owner, former.id, former.id
    ));
    tell_where(&mut text, &mut json, &handover, &plain);
    text.push_str(&format!(
        "end the one before sooner:  cargo run -p keygen --{} apikey revoke {}\n",
        place.flags(),
        former.id
    ));
    Ok(Report::new(text.as_str(), json))
}

pub(crate) fn list(place: &Place) -> Result<Report, Error> {
    let keys = Ledger::open(&place.store_file())?.list_keys()?;
    let json = keys.iter().map(|key| {
        json!({
            "id": key.id.to_string(), "owner": key.owner, "user_number": key.user_number,
            "name": key.name, "role": key.role, "grants": key.grants,
            "read_only": key.read_only, "rate": key.rate.map(|rate| rate.to_string()),
            "created": key.created.to_string(), "expires": key.expires.map(|end| end.to_string()),
            "revoked": key.revoked.map(|since| since.to_string()), "state": state(key),
            "demo": key.demo, "uses": key.uses,
            "last_used": key.last_used.map(|last| last.to_string()),
        })
    });
    let json = json.collect();
    if keys.is_empty() {
        let text = format!(
            "there is no API key in {}\nmake one: cargo run -p keygen --{} apikey create --owner OWNER --name NAME --grant '*'",
            place.store_file().display(),
            place.flags()
        );
        return Ok(Report::new(text, json));
    }
    let rows: Vec<_> = keys
        .iter()
        .map(|key| {
            [
                key.id.to_string(),
                key.owner.clone(),
                key.name.clone(),
                or_dash(key.role.clone()),
                state(key).to_owned(),
                format!("{:.0}", key.created),
                or_dash(key.expires.map(|end| format!("{end:.0}"))),
                or_dash(key.last_used.map(|last| format!("{last:.0}"))),
                key.uses.to_string(),
                or_dash(key.grants.join(" ") + &limits(key.read_only, key.rate)),
            ]
        })
        .collect();
    let heading = [
        "ID",
        "OWNER",
        "NAME",
        "ROLE",
        "STATE",
        "CREATED",
        "EXPIRES",
        "LAST USED",
        "USES",
        "MAY CALL",
    ];
    Ok(Report::new(table(heading, &rows), json))
}

pub(crate) fn revoke(place: &Place, id: &str, successors: bool) -> Result<Report, Error> {
    let key = key_id(place, id)?;
    let store = Ledger::open(&place.store_file())?;
    let revoked = if successors {
        store.revoke_key_and_successors(key)
    } else {
        store.revoke_key(key).map(|found| vec![(id.to_owned(), found)])
    };
    let revoked = revoked.map_err(|error| match error {
        StoreError::UnknownKey(_) => Error::unknown("apikey", id, place),
        error => error.into(),
    })?;
    let lines = revoked.iter().map(|(id, found)| match found {
        Revocation::Now(_) => format!("revoked API key {id}"),
        Revocation::Already(since) => format!("API key {id} was revoked already, at {since:.0}"),
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if revoked.iter().any(|(_, found)| matches!(found, Revocation::Now(_))) {
        let bound = place.bound();
        text.push_str(&format!("\nrunning servers refuse it {bound}, and end what is open for it"));
    }
    let json = |(id, found): &(String, Revocation)| json!({ "id": id, "revoked": found.since().to_string(), "before": found.is_old() });
    // As it was when there was but one.
    let first = json(&revoked[0]);
    let all: Vec<_> = revoked.iter().map(json).collect();
    let json = if successors { json!({ "keys": all }) } else { first };
    Ok(Report::new(text, json))
}

/// Says where the key is, or the key itself to whoever asked to see it.
fn tell_where(
    text: &mut Zeroizing<String>,
    json: &mut Value,
    handover: &Handover,
    plain: &PlainKey,
) {
    match handover.path() {
        Some(path) => {
            json["file"] = path.to_string_lossy().into();
            let path = path.display().to_string();
            text.push_str(&format!(
                "  key       {path} (only you can read it; the store keeps a digest alone)\n\
                 use it:     cargo run -p apikey-client -- --key-file {}\n",
                shell::word(&path)
            ));
        }
        None => {
            json["key"] = plain.reveal().into();
            text.push_str(&format!(
                "  key       {}\nkeep it now: it is not shown again, and the store has a digest alone\n",
                plain.reveal()
            ));
        }
    }
}

/// What a key may do less than its grants say.
fn limits(read_only: bool, rate: Option<Rate>) -> String {
    let read_only = read_only.then(|| "read-only".to_owned());
    let limits: Vec<_> = read_only.into_iter().chain(rate.map(|rate| rate.to_string())).collect();
    if limits.is_empty() { String::new() } else { format!(" ({})", limits.join(", ")) }
}

fn key_id(place: &Place, id: &str) -> Result<KeyId, Error> {
    KeyId::parse(id).ok_or_else(|| {
        Error::Invalid(format!(
            "{id:?} is not the id of an API key, which has 16 hexadecimal digits; to see all, \
             run: cargo run -p keygen --{} apikey list",
            place.flags()
        ))
    })
}

fn state(key: &StoredKey) -> &'static str {
    if key.revoked.is_some() {
        "revoked"
    } else if key.expires.is_some_and(|end| end <= Timestamp::now()) {
        "expired"
    } else if key.demo {
        "live, demo"
    } else {
        "live"
    }
}
