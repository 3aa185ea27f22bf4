//! Situations behind the door, with a real MCP client: what may be called, and whose data it is.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use client::{CallToolResult, Connection, Credential, Error, JsonObject, Protocol};
use serde_json::{Value, json};

use crate::observe::Cell;
use crate::{Kind, Side, World, wire};

/// Granted to every key, scope and role that ships.
const ALLOWED: &str = "get_time";

/// Both generations of the protocol.
pub(crate) const GENERATIONS: [Protocol; 2] = [Protocol::V2026_07_28, Protocol::V2025_11_25];

pub(crate) async fn allowed(world: &World, side: &Side) -> anyhow::Result<Cell> {
    let raw = world.send(wire::call(&side.url, Some(&side.bob), ALLOWED, json!({}))).await?;
    let mut right = raw.status == 200 && raw.message["result"]["structuredContent"].is_object();
    let mut versions = Vec::new();
    for protocol in GENERATIONS {
        let connection = side.connect(&side.bob, protocol).await?;
        right &= told(connection.call(ALLOWED, JsonObject::new()).await?)?["time"].is_string();
        versions.push(connection.negotiated_version());
        connection.close().await?;
    }
    Ok(Cell::new(raw.status, format!("{ALLOWED}, {}", versions.join(" and ")), right))
}

pub(crate) async fn not_allowed(side: &Side) -> anyhow::Result<Cell> {
    let tool = side.refused_tool;
    let mut seen = BTreeSet::new();
    for protocol in GENERATIONS {
        let connection = side.connect(&side.bob, protocol).await?;
        let answer = connection.call(tool, JsonObject::new()).await;
        connection.close().await?;
        seen.insert(match answer {
            Err(Error::Refused(refusal)) => {
                (refusal.status, refusal.error.unwrap_or_default(), refusal.challenge)
            }
            Err(error) => bail!("{tool}: {error}"),
            Ok(_) => (200, "called".to_owned(), None),
        });
    }
    // A new token can bring a scope; nothing that the caller sends brings a grant or a role.
    let (code, challenged) = match side.kind {
        Kind::Jwt => ("insufficient_scope", true),
        Kind::ApiKey | Kind::Rbac => ("not_granted", false),
    };
    let right = seen.iter().all(|(status, error, challenge)| {
        *status == 403 && error == code && challenge.is_some() == challenged
    });
    let list = |part: fn(&(u16, String, Option<String>)) -> String| {
        seen.iter().map(part).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
    };
    let note = format!("{}: {tool}", list(|(_, error, _)| error.clone()));
    Ok(Cell::new(list(|(status, ..)| status.to_string()), note, right))
}

pub(crate) async fn listing(side: &Side) -> anyhow::Result<Cell> {
    let connection = side.connect(&side.bob, Protocol::V2026_07_28).await?;
    let listed = listed(&connection).await?;
    let all = catalogue(&connection).await?;
    let mut callable = BTreeSet::new();
    for tool in &all {
        if may_call(&connection, tool).await? {
            callable.insert(tool.clone());
        }
    }
    connection.close().await?;
    let right = listed == callable && callable.len() < all.len();
    let note = match listed.symmetric_difference(&callable).next() {
        None => format!("{} of {} tools", listed.len(), all.len()),
        Some(tool) => format!("{tool}: list and call differ"),
    };
    Ok(Cell::new(200, note, right))
}

pub(crate) async fn own_data(side: &Side) -> anyhow::Result<Cell> {
    // HR, projects and customers are the company's: there, a user's own is who they are.
    let (tool, field, expected) = match side.kind {
        Kind::ApiKey | Kind::Jwt => ("get_account_balance", "balance", [json!(-200), json!(180)]),
        Kind::Rbac => ("whoami", "user", [json!("bob"), json!("alice")]),
    };
    let mut seen = Vec::new();
    for credential in [&side.bob, &side.alice] {
        seen.push(one_field(side, credential, tool, field).await?);
    }
    let right = seen.iter().zip(&expected).all(|(seen, expected)| same(seen, expected));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let note = match side.kind {
        Kind::Rbac => {
            let [bob, alice] = [&seen[0], &seen[1]].map(text);
            format!("{tool}: {bob} and {alice}; business data is shared")
        }
        _ => format!("{tool}: bob {}, alice {}", text(&seen[0]), text(&seen[1])),
    };
    Ok(Cell::new(200, note, right))
}

/// What `tools/list` shows.
pub(crate) async fn listed(connection: &Connection) -> anyhow::Result<BTreeSet<String>> {
    let tools = connection.list_tools().await?;
    Ok(tools.into_iter().map(|tool| tool.name.into_owned()).collect())
}

/// Every tool that the server has, which `whoami` tells.
pub(crate) async fn catalogue(connection: &Connection) -> anyhow::Result<BTreeSet<String>> {
    let whoami = told(connection.call("whoami", JsonObject::new()).await?)?;
    let names = ["tools", "refused"].into_iter().filter_map(|field| whoami[field].as_array());
    let names: BTreeSet<_> = names.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    ensure!(!names.is_empty(), "whoami names no tool");
    Ok(names)
}

/// Whether a call without arguments gets as far as the tool, which may well ask for some.
pub(crate) async fn may_call(connection: &Connection, tool: &str) -> anyhow::Result<bool> {
    match connection.call(tool, JsonObject::new()).await {
        Ok(_) => Ok(true),
        Err(Error::Refused(refusal)) if refusal.status == 403 => Ok(false),
        Err(error) => bail!("{tool}: {error}"),
    }
}

async fn one_field(
    side: &Side,
    credential: &Credential,
    tool: &str,
    field: &str,
) -> anyhow::Result<Value> {
    let connection = side.connect(credential, Protocol::V2026_07_28).await?;
    let result = told(connection.call(tool, JsonObject::new()).await?)?;
    connection.close().await?;
    Ok(result[field].clone())
}

/// The structured content of a call that went well.
fn told(result: CallToolResult) -> anyhow::Result<Value> {
    ensure!(result.is_error != Some(true), "the tool failed: {:?}", result.content);
    result.structured_content.context("the tool answered without structured content")
}

/// Numbers count by value: a balance may be written −200 or −200.0.
fn same(seen: &Value, expected: &Value) -> bool {
    match (seen.as_f64(), expected.as_f64()) {
        (Some(seen), Some(expected)) => (seen - expected).abs() < f64::EPSILON,
        _ => seen == expected,
    }
}
