//! Clients of the token endpoint: made, listed, revoked.

use mcp_auth::authn::client::PlainClient;
use mcp_auth::shell;
use serde_json::json;
use store::{Ledger, NewClient, Revocation, StoreError, StoredClient};
use zeroize::Zeroizing;

use crate::cli::{CreateClient, Place};
use crate::handover::Handover;
use crate::table::{or_dash, table};
use crate::{Error, Report};

pub(crate) fn create(place: &Place, options: CreateClient) -> Result<Report, Error> {
    let CreateClient { holder, scopes } = options;
    let plain = PlainClient::mint();
    let id = plain.id().to_owned();
    let client = NewClient {
        user_number: holder.user_number.clone(),
        scopes: scopes
            .iter()
            .flat_map(|scope| scope.split_whitespace())
            .map(str::to_owned)
            .collect(),
        ..NewClient::of(&plain, &holder.owner, &holder.name)
    };
    let mut json = json!({
        "client_id": id, "owner": client.owner, "name": client.name, "scopes": client.scopes,
        "user_number": client.user_number,
    });
    let may = if client.scopes.is_empty() {
        "no scope, and so call whoami alone; make one with --scope SCOPE to reach tools".to_owned()
    } else {
        client.scopes.join(" ")
    };

    let store = Ledger::open(&place.store_file())?;
    let handover = Handover::choose(place, &holder, &id, ".client.json");
    let file = json!({ "client_id": id, "client_secret": plain.reveal_secret() });
    let file = Zeroizing::new(format!("{file:#}\n"));
    let mut written = None;
    store.insert_client_when(client, || {
        written = handover.write(&file)?;
        Ok::<_, Error>(())
    })?;
    if let Some(written) = written {
        written.keep()?;
    }

    let mut text =
        Zeroizing::new(format!("made client {id} for {}\n  may ask for  {may}\n", holder.owner));
    match handover.path() {
        Some(path) => {
            json["file"] = path.to_string_lossy().into();
            let path = path.display().to_string();
            text.push_str(&format!(
                "  secret       {path} (only you can read it; the store keeps a digest alone)\n\
                 use it:        cargo run -p jwt-client -- --client-file {}\n",
                shell::word(&path)
            ));
        }
        None => {
            json["client_secret"] = plain.reveal_secret().into();
            text.push_str(&format!(
                "  secret       {}\nkeep it now: it is not shown again, and the store has a digest alone\n",
                plain.reveal_secret()
            ));
        }
    }
    text.push_str(&format!(
        "revoke it:     cargo run -p keygen --{} client revoke {id}\n",
        place.flags()
    ));
    Ok(Report::new(text.as_str(), json))
}

pub(crate) fn list(place: &Place) -> Result<Report, Error> {
    let clients = Ledger::open(&place.store_file())?.list_clients()?;
    let json = clients.iter().map(|client| {
        json!({
            "client_id": client.id, "owner": client.owner, "user_number": client.user_number,
            "name": client.name, "scopes": client.scopes, "created": client.created.to_string(),
            "revoked": client.revoked.map(|since| since.to_string()), "state": state(client),
            "demo": client.demo,
        })
    });
    let json = json.collect();
    if clients.is_empty() {
        let text = format!(
            "there is no client in {}\nmake one: cargo run -p keygen --{} client create --owner OWNER --name NAME --scope \"{}\"",
            place.store_file().display(),
            place.flags(),
            store::demo::SCOPES.join(" ")
        );
        return Ok(Report::new(text, json));
    }
    let rows: Vec<_> = clients
        .iter()
        .map(|client| {
            [
                client.id.clone(),
                client.owner.clone(),
                client.name.clone(),
                state(client).to_owned(),
                format!("{:.0}", client.created),
                or_dash(client.scopes.join(" ")),
            ]
        })
        .collect();
    let heading = ["CLIENT ID", "OWNER", "NAME", "STATE", "CREATED", "MAY ASK FOR"];
    Ok(Report::new(table(heading, &rows), json))
}

pub(crate) fn revoke(place: &Place, id: &str) -> Result<Report, Error> {
    let revoked = Ledger::open(&place.store_file())?.revoke_client(id);
    let revoked = revoked.map_err(|error| match error {
        StoreError::UnknownClient(_) => Error::unknown("client", id, place),
        error => error.into(),
    });
    let bound = place.bound();
    let (text, since) = match revoked? {
        Revocation::Now(since) => (
            format!(
                "revoked client {id}; it gets no more tokens, and those it has are refused {bound}; what is open for them ends"
            ),
            since,
        ),
        Revocation::Already(since) => {
            (format!("client {id} was revoked already, at {since:.0}"), since)
        }
    };
    Ok(Report::new(text, json!({ "client_id": id, "revoked": since.to_string() })))
}

fn state(client: &StoredClient) -> &'static str {
    if client.revoked.is_some() {
        "revoked"
    } else if client.demo {
        "live, demo"
    } else {
        "live"
    }
}
