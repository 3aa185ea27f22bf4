//! What is counted names nobody, whatever three servers were sent: they count together, as they
//! are in one process.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod secrets;
#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/table.rs"]
mod table;

use std::collections::BTreeSet;

use compare::{Kind, Side, World, wire};
use secrecy::ExposeSecret;
use secrets::FORMS;
use serde_json::json;
use table::raw::Raw;

/// What callers do with their tools is their own.
const ARGUMENT: &str = "xylophone";
/// Where callers come from, as a proxy says it.
const FROM: &str = "198.51.100.7";
/// All labels there are. Who has a new one says here that it names nobody.
const LABELS: [&str; 14] = [
    "decision",
    "endpoint",
    "kind",
    "layer",
    "le",
    "listener",
    "more_than",
    "reason",
    "result",
    "scheme",
    "status",
    "what",
    "who",
    "why",
];

#[tokio::test(flavor = "multi_thread")]
async fn metrics_name_nobody_and_grow_with_nobody() {
    let audits = tempfile::tempdir().unwrap();
    let world = World::start_with(|kind, common| {
        common.audit.audit_file = Some(audits.path().join(format!("{kind}.log")));
        common.metrics = Some(([127, 0, 0, 1], 0).into());
        common.transport.trusted_proxy = vec!["127.0.0.1".parse().unwrap()];
    });
    let world = world.await.unwrap();
    let mut names = secrets::drive(&world).await;
    for kind in Kind::ALL {
        names.extend(as_usual(world.side(kind)).await);
    }
    names.extend(world.store.list_keys().unwrap().into_iter().map(|key| key.id.to_string()));
    names.extend(world.store.list_clients().unwrap().into_iter().map(|client| client.id));
    names.extend(FORMS.map(str::to_owned));
    let tools = ["whoami", "get_time", "shopping_item", "crm_summary", "hr_summary"];
    let people = ["bob", "alice", "Officer", "127.0.0.1", "urn:", "weather:read"];
    names.extend([ARGUMENT, FROM].into_iter().chain(tools).chain(people).map(str::to_owned));
    assert!(names.len() > 100, "only {} names were gathered", names.len());

    let mut seen = Vec::new();
    for kind in Kind::ALL {
        let text = scrape(world.side(kind)).await;
        // It speaks of all three servers.
        for word in [
            r#"{decision="refused",scheme="apikey",reason="revoked_credential"}"#,
            r#"{decision="refused",scheme="jwt",reason="insufficient_scope"}"#,
            r#"{decision="refused",scheme="jwt",reason="not_granted"}"#,
            r#"{decision="allowed",scheme="apikey",reason="grant"}"#,
            r#"{decision="allowed",scheme="jwt",reason="role"}"#,
            r#"{endpoint="token",decision="issued",reason="scope"}"#,
            r#"{endpoint="/mcp",status="200"}"#,
            r#"mcp_auth_layer_duration_seconds_count{layer="handler"}"#,
            r#"mcp_auth_store_rows{kind="revoked_tokens"}"#,
            r#"mcp_auth_remembered_token_lookups_total{result="known"}"#,
            "mcp_auth_remembered_tokens ",
        ] {
            assert!(text.contains(word), "{word} is missing: nothing was proved\n{text}");
        }
        for name in &names {
            let line = text.lines().find(|line| line.contains(name));
            assert!(line.is_none(), "{name:?} is in a metric: {}", line.unwrap());
        }
        seen.push(series(&text));
    }
    for label in seen.iter().flatten().flat_map(|series| labels(series)) {
        assert!(LABELS.contains(&label), "the label {label} is new");
    }

    // Whatever strangers make up is counted with what was there.
    let side = world.side(Kind::Jwt);
    for number in 0..30 {
        let made_up = format!("made-up-{number}");
        Raw::to(side, "GET", &format!("/{made_up}")).send(side).await;
        Raw::to(side, &made_up.to_uppercase(), "/mcp").send(side).await;
        Raw::to(side, "GET", "/mcp").set("host", &made_up).send(side).await;
        Raw::form(side, "/token", &format!("grant_type={made_up}")).send(side).await;
        Raw::of(wire::call(&side.url, Some(&side.bob), &made_up, json!({}))).send(side).await;
    }
    let after = series(&scrape(side).await);
    let new: Vec<_> = after.difference(&seen[1]).filter(|line| line.contains("made")).collect();
    assert!(new.is_empty(), "{} of a stranger's, such as {:?}", new.len(), new[0]);
    assert!(after.len() < seen[1].len() + 60, "{} series, {} before", after.len(), seen[1].len());
    world.stop().await;
}

/// What a caller does all day; what it was called in it.
async fn as_usual(side: &Side) -> Vec<String> {
    for credential in [&side.bob, &side.alice] {
        let arguments = json!({ "name": ARGUMENT });
        let call = wire::call(&side.url, Some(credential), "add_shopping_item", arguments);
        Raw::of(call).with("x-forwarded-for", FROM).send(side).await;
    }
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": { "name": "test", "version": "1" } },
    });
    let secret = side.bob.secret();
    let bearer = format!("Bearer {}", secret.expose_secret());
    let open = Raw::older(side, &body).with("authorization", bearer).send(side).await;
    let session = open.header("mcp-session-id").expect("it opens a session").to_owned();
    vec![session]
}

async fn scrape(side: &Side) -> String {
    let url = format!("http://{}/metrics", side.metrics().unwrap());
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// Names and labels, without the values.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

fn labels(series: &str) -> Vec<&str> {
    let all = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
    all.split("\",").filter_map(|label| label.split_once("=\"")).map(|(name, _)| name).collect()
}
