//! Lets a situation happen to a peer, and says whether it does what we hold right.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use client::{Connection, Credential, Protocol};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::PeerSide;
use crate::observe::{Answer, Cell};
use crate::situations::{Check, Sent};
use crate::{World, rights, wire};

/// All tools that it has.
const TOOLS: [&str; 3] = ["get_time", "get_account_balance", REFUSED];

/// The one that needs a scope which nobody has.
const REFUSED: &str = "remove_shopping_item";

pub(super) async fn observe(world: &World, peer: &PeerSide, check: Check) -> anyhow::Result<Cell> {
    match check {
        Check::Door { sent, status, error } => door(world, peer, sent, status, error).await,
        Check::Revoked => revoked(world, peer).await,
        Check::Allowed => allowed(world, peer).await,
        Check::NotAllowed => not_allowed(world, peer).await,
        Check::Listing => listing(world, peer).await,
        Check::OwnData => own_data(world, peer).await,
    }
}

async fn door(
    world: &World,
    peer: &PeerSide,
    sent: Sent,
    status: u16,
    error: Option<&str>,
) -> anyhow::Result<Cell> {
    let mut seen = Vec::new();
    let mut right = true;
    for request in requests(peer, sent)? {
        let answer = world.send(request).await?;
        right &= answer.status == status && answer.challenges_with(error);
        let found = (answer.status, answer.named_error().map(str::to_owned));
        if !seen.contains(&found) {
            seen.push(found);
        }
    }
    let statuses: Vec<_> = seen.iter().map(|(status, _)| status.to_string()).collect();
    let note = |(status, named): &(u16, Option<String>)| match named {
        Some(named) => named.clone(),
        None if *status == 200 => "called".to_owned(),
        None => "no error named".to_owned(),
    };
    let notes: Vec<_> = seen.iter().map(note).collect();
    Ok(Cell::new(statuses.join(", "), notes.join(", "), right))
}

/// The requests of a situation at the door. It takes bearer tokens alone.
fn requests(peer: &PeerSide, sent: Sent) -> anyhow::Result<Vec<Request<String>>> {
    let with = |credential: &Credential| call(&peer.url, credential, "get_time");
    let none = |url: &str| wire::call(url, None, "get_time", json!({}));
    Ok(match sent {
        Sent::Nothing => vec![none(&peer.url)],
        Sent::Garbage => vec![with(&Credential::bearer("not-a-credential".to_owned().into())?)],
        Sent::Wrong => vec![with(&peer.wrong)],
        Sent::Tampered => vec![with(&peer.tampered)],
        Sent::Expired => vec![with(&peer.expired)],
        Sent::Twice => {
            let mut request = with(&peer.bob);
            let alice = format!("Bearer {}", peer.alice.secret().expose_secret());
            request.headers_mut().append(AUTHORIZATION, HeaderValue::from_str(&alice)?);
            vec![request]
        }
        Sent::InQuery => {
            vec![none(&format!("{}?access_token={}", peer.url, peer.bob.secret().expose_secret()))]
        }
        Sent::Foreign => peer.foreign.iter().map(with).collect(),
    })
}

/// Neither verifier is told of anything while it runs.
async fn revoked(world: &World, peer: &PeerSide) -> anyhow::Result<Cell> {
    let before = world.send(call(&peer.url, &peer.bob, "get_time")).await?;
    let restarted = peer.restarted().await?;
    let after = world.send(call(&restarted.url, &peer.bob, "get_time")).await?;
    // Another's, so that it is not the server that is broken.
    let other = world.send(call(&restarted.url, &peer.renewed, "get_time")).await?;
    let right = (before.status, after.status, other.status) == (200, 401, 200);
    Ok(Cell::new(after.status, "after it was started again without it", right))
}

async fn allowed(world: &World, peer: &PeerSide) -> anyhow::Result<Cell> {
    let raw = world.send(call(&peer.url, &peer.bob, "get_time")).await?;
    let mut versions = Vec::new();
    for protocol in rights::GENERATIONS {
        let connection = connect(peer, protocol).await?;
        let result = connection.call("get_time", client::JsonObject::new()).await?;
        if result.is_error != Some(true) {
            versions.push(connection.negotiated_version());
        }
        connection.close().await?;
    }
    let right = raw.called() && versions.len() == rights::GENERATIONS.len();
    Ok(Cell::new(raw.status, format!("get_time, {}", versions.join(" and ")), right))
}

async fn not_allowed(world: &World, peer: &PeerSide) -> anyhow::Result<Cell> {
    let answer = world.send(call(&peer.url, &peer.bob, REFUSED)).await?;
    let right = answer.status == 403 && answer.named_error() == Some("insufficient_scope");
    let result = &answer.message["result"];
    let note = match (answer.named_error(), result["content"][0]["text"].as_str()) {
        (Some(named), _) => named,
        (None, Some(text)) if result["isError"] == true => text,
        (None, _) => "no error named",
    };
    Ok(Cell::new(answer.status, note, right))
}

async fn listing(world: &World, peer: &PeerSide) -> anyhow::Result<Cell> {
    let connection = connect(peer, Protocol::V2026_07_28).await?;
    let listed = rights::listed(&connection).await?;
    connection.close().await?;
    let mut callable = BTreeSet::new();
    for tool in TOOLS {
        if world.send(call(&peer.url, &peer.bob, tool)).await?.called() {
            callable.insert(tool.to_owned());
        }
    }
    let right = listed == callable && callable.len() < TOOLS.len();
    Ok(Cell::new(200, format!("{} of {} tools", listed.len(), TOOLS.len()), right))
}

async fn own_data(world: &World, peer: &PeerSide) -> anyhow::Result<Cell> {
    let mut seen = Vec::new();
    for credential in [&peer.bob, &peer.alice] {
        let answer = world.send(call(&peer.url, credential, "get_account_balance")).await?;
        seen.push(answer.message["result"]["structuredContent"]["balance"].clone());
    }
    let right = seen == [json!(-200), json!(180)];
    Ok(Cell::new(200, format!("get_account_balance: bob {}, alice {}", seen[0], seen[1]), right))
}

async fn connect(peer: &PeerSide, protocol: Protocol) -> anyhow::Result<Connection> {
    let connection = Connection::open(&peer.url, Arc::new(peer.bob.clone()), protocol).await;
    connection.with_context(|| format!("{} cannot be connected to", peer.title))
}

fn call(url: &str, credential: &Credential, tool: &str) -> Request<String> {
    wire::call(url, Some(credential), tool, json!({}))
}

impl Answer {
    /// `error` in a challenge (RFC 6750 §3).
    fn named_error(&self) -> Option<&str> {
        let (_, rest) = self.challenge.as_deref()?.split_once("error=\"")?;
        rest.split('"').next()
    }

    /// Whether it has a challenge that names this error, or none.
    fn challenges_with(&self, error: Option<&str>) -> bool {
        let challenge = self.challenge.as_deref().unwrap_or_default();
        challenge.starts_with("Bearer") && self.named_error() == error
    }

    /// Whether a tool was reached and did not fail.
    fn called(&self) -> bool {
        let result = &self.message["result"];
        self.status == 200 && result.is_object() && result["isError"] != Value::Bool(true)
    }
}
