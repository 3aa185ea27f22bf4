//! Lets situations happen, and judges what came of them.

use std::collections::BTreeMap;

use http::Request;
use http::header::WWW_AUTHENTICATE;
use serde::Serialize;
use serde_json::Value;

use crate::situations::{Check, Sent, Situation};
use crate::{Kind, Side, World, bad, revocation, rights, wire};

/// What was observed of one scheme in one situation.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The HTTP status, or several of them.
    pub status: String,
    /// A few words about it.
    pub note: String,
    /// Whether that is right.
    pub right: bool,
}

/// One situation over all schemes.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name in JSON.
    pub id: &'static str,
    /// Its name in the table.
    pub title: &'static str,
    /// What was observed.
    pub cells: BTreeMap<Kind, Cell>,
}

/// An answer as it came over the wire.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenge: Option<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) message: Value,
}

/// Lets one situation happen to every scheme.
pub async fn observe(world: &World, situation: &Situation) -> Row {
    let mut cells = BTreeMap::new();
    for kind in Kind::ALL {
        let side = world.side(kind);
        let cell = match situation.check {
            Check::Door { sent, status, error } => door(world, side, sent, status, error).await,
            Check::Revoked => revocation::revoked(world, side).await,
            Check::Allowed => rights::allowed(world, side).await,
            Check::NotAllowed => rights::not_allowed(side).await,
            Check::Listing => rights::listing(side).await,
            Check::OwnData => rights::own_data(side).await,
        };
        // What kept it from being observed is no right answer.
        let failed = |error| Cell::new("none", format!("{error:#}"), false);
        cells.insert(kind, cell.unwrap_or_else(failed));
    }
    Row { id: situation.id, title: situation.title, cells }
}

impl Cell {
    pub(crate) fn new(status: impl ToString, note: impl Into<String>, right: bool) -> Self {
        Self { status: status.to_string(), note: note.into(), right }
    }
}

impl Row {
    /// Whether every scheme did what is right.
    pub fn is_right(&self) -> bool {
        self.cells.values().all(|cell| cell.right)
    }
}

async fn door(
    world: &World,
    side: &Side,
    sent: Sent,
    status: u16,
    error: Option<&str>,
) -> anyhow::Result<Cell> {
    let mut seen: Vec<(u16, String)> = Vec::new();
    let mut right = true;
    for request in bad::requests(side, sent)? {
        let answer = world.send(request).await?;
        right &= answer.status == status && answer.refuses_with(error);
        let code = answer.message["error"]["data"]["error"].as_str().unwrap_or("no error code");
        let found = (answer.status, code.to_owned());
        if !seen.contains(&found) {
            seen.push(found);
        }
    }
    let all =
        |part: fn(&(u16, String)) -> String| seen.iter().map(part).collect::<Vec<_>>().join(", ");
    Ok(Cell::new(all(|(status, _)| status.to_string()), all(|(_, code)| code.clone()), right))
}

impl Answer {
    /// Whether this is a whole refusal: a challenge with this error or with none, a sentence,
    /// and one trace id in body and header.
    fn refuses_with(&self, error: Option<&str>) -> bool {
        let challenge = self.challenge.as_deref().unwrap_or_default();
        let named = match error {
            Some(error) => challenge.contains(&format!("error=\"{error}\"")),
            None => !challenge.contains("error="),
        };
        let refusal = &self.message["error"];
        challenge.starts_with("Bearer realm=\"mcp\"")
            && named
            && refusal["message"].as_str().is_some_and(|sentence| !sentence.is_empty())
            && refusal["data"]["trace_id"].as_str() == self.trace_id.as_deref()
    }
}

impl World {
    pub(crate) async fn send(&self, request: Request<String>) -> anyhow::Result<Answer> {
        let request = reqwest::Request::try_from(request)?;
        let response = self.http.execute(request).await?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        Ok(Answer {
            status: response.status().as_u16(),
            challenge: header(WWW_AUTHENTICATE.as_str()),
            trace_id: header("x-request-id"),
            message: wire::answer(&response.bytes().await?).unwrap_or_default(),
        })
    }
}
