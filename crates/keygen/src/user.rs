//! Users, of whom all that they have is taken back.

use serde_json::json;
use store::{EndedUser, Ledger};

use crate::cli::Place;
use crate::{Error, Report};

pub(crate) fn revoke(place: &Place, user: &str) -> Result<Report, Error> {
    let ended = Ledger::open(&place.store_file())?.revoke_user(user)?;
    let EndedUser { keys, clients, until } = &ended;
    let mut text = String::new();
    for key in keys {
        text.push_str(&format!("revoked API key {key}\n"));
    }
    for client in clients {
        text.push_str(&format!("revoked client {client}\n"));
    }
    text.push_str(&format!(
        "every token of {user} that was issued until {until:.0} is refused {}, and what is open for \
         {user} ends",
        place.bound()
    ));
    let json = json!({
        "user": user, "api_keys": keys, "clients": clients, "tokens_until": until.to_string(),
    });
    Ok(Report::new(text, json))
}
