//! Who may call what: every cell by the real `tools/list` and by a real `tools/call`, against
//! the golden table in `matrix.txt`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p compare --test matrix` rewrites it. Read the difference.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use client::{Connection, Credential, Error, JsonObject, Protocol};
use compare::{Kind, Side, World};
use jiff::Timestamp;
use mcp_auth::authn::jwt::{Claims, Signer};
use mcp_auth::secret;
use secrecy::ExposeSecret;
use serde_json::Value;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix.txt");

/// Every role of the shipped policy, and what is none of them.
const ROLES: [Option<&str>; 8] = [
    Some("Manager"),
    Some("AssistantManager"),
    Some("Officer"),
    Some("Auditor"),
    Some("manager"),
    Some(" Manager"),
    Some(""),
    None,
];

/// Every scope that ships, and what is none of them.
const SCOPES: [Option<&str>; 7] = [
    Some("weather:read"),
    Some("payments:read"),
    Some("shopping:read"),
    Some("shopping:write"),
    Some("shopping:remove"),
    Some("weather:*"),
    None,
];

/// What one caller may do: by name of the caller, the tools.
type Matrix = BTreeMap<String, BTreeSet<String>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_is_as_the_golden_table_says() {
    let world = World::start().await.unwrap();
    let (mut listed, mut called) = (String::new(), String::new());
    for kind in Kind::ALL {
        let side = world.side(kind);
        let callers = callers(&world, side);
        let names: Vec<String> = callers.iter().map(|(name, _)| name.clone()).collect();
        let mut tools = BTreeSet::new();
        let (mut by_list, mut by_call) = (Matrix::new(), Matrix::new());
        for (name, credential) in callers {
            let connection = side.connect(&credential, Protocol::V2026_07_28).await.unwrap();
            tools.extend(catalogue(&connection).await);
            by_list.insert(name.clone(), list(&connection).await);
            by_call.insert(name, call_all(&connection, &tools).await);
            connection.close().await.unwrap();
        }
        draw(&mut listed, kind, &names, &tools, &by_list);
        draw(&mut called, kind, &names, &tools, &by_call);
    }
    world.stop().await;

    assert_eq!(listed, called, "tools/list and tools/call differ");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &called).unwrap();
    }
    let golden = std::fs::read_to_string(Path::new(GOLDEN)).unwrap();
    assert_eq!(called, golden, "rights have changed; if that is meant, run with UPDATE_GOLDEN=1");
}

/// A credential for each column.
fn callers(world: &World, side: &Side) -> Vec<(String, Credential)> {
    let present = |token: &str| Side::present(side.kind, token).unwrap();
    let token = |signer: &Signer, change: &dyn Fn(&mut Claims)| {
        let mut claims = claims(side.bob.secret().expose_secret());
        claims.exp = Timestamp::now().as_second() + 600;
        change(&mut claims);
        present(&signer.mint(&claims))
    };
    match side.kind {
        Kind::ApiKey => {
            vec![("bob".to_owned(), side.bob.clone()), ("alice".to_owned(), side.alice.clone())]
        }
        Kind::Jwt => {
            let secret = secret::read(&world.keys.join("jwt.secret")).unwrap();
            let signer = Signer::hs256(&secret).unwrap();
            let scoped = |scope: Option<&str>| {
                token(&signer, &|claims| claims.scope = scope.map(str::to_owned))
            };
            SCOPES.map(|scope| (name(scope), scoped(scope))).into()
        }
        Kind::Rbac => {
            let pem = secret::read(&world.keys.join("rsa_private.pem")).unwrap();
            let signer = Signer::rs256(&pem).unwrap();
            let with = |role: Option<&str>| {
                token(&signer, &|claims| claims.job_role = role.map(str::to_owned))
            };
            ROLES.map(|role| (name(role), with(role))).into()
        }
    }
}

fn name(right: Option<&str>) -> String {
    right.map_or_else(|| "(none)".to_owned(), |right| format!("{right:?}"))
}

fn claims(token: &str) -> Claims {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// All tools that there are, whoever may call them.
async fn catalogue(connection: &Connection) -> Vec<String> {
    let whoami = connection.call("whoami", JsonObject::new()).await.unwrap();
    let whoami = whoami.structured_content.unwrap();
    let names = [&whoami["tools"], &whoami["refused"]].map(|names| names.as_array().unwrap());
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

async fn list(connection: &Connection) -> BTreeSet<String> {
    let tools = connection.list_tools().await.unwrap();
    tools.into_iter().map(|tool| tool.name.into_owned()).collect()
}

/// The tools that answer, be it to say that an argument is missing.
async fn call_all(connection: &Connection, tools: &BTreeSet<String>) -> BTreeSet<String> {
    let mut answered = BTreeSet::new();
    for tool in tools {
        match connection.call(tool, JsonObject::new()).await {
            Ok(_) => assert!(answered.insert(tool.clone())),
            Err(Error::Refused(refusal)) => assert_eq!(refusal.status, 403, "{tool}: {refusal}"),
            Err(error) => panic!("{tool}: {error}"),
        }
    }
    answered
}

fn draw(
    text: &mut String,
    kind: Kind,
    names: &[String],
    tools: &BTreeSet<String>,
    matrix: &Matrix,
) {
    let width = tools.iter().map(String::len).max().unwrap();
    let head: Vec<&str> = names.iter().map(String::as_str).collect();
    writeln!(text, "{kind:width$}  {}", head.join("  ")).unwrap();
    for tool in tools {
        let cells: Vec<String> = names
            .iter()
            .map(|name| {
                let mark = if matrix[name].contains(tool) { '✔' } else { '✘' };
                format!("{mark:<width$}", width = name.chars().count())
            })
            .collect();
        writeln!(text, "{tool:width$}  {}", cells.join("  ").trim_end()).unwrap();
    }
    text.push('\n');
}
