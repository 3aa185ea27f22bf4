//! Clients that other people wrote, at each of our servers: what their users see.
//!
//! They are installed by `scripts/foreign.sh`. Without them nothing is tried here, and each test
//! says so; with `MCP_AUTH_REQUIRE_FOREIGN` set, as in CI, it fails.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "foreign/page.rs"]
mod page;
#[path = "foreign/program.rs"]
mod program;
#[path = "foreign/seen.rs"]
mod seen;
#[path = "foreign/steps.rs"]
mod steps;

use std::fmt::Write as _;
use std::io::Write;

use client::Protocol;
use compare::{Kind, Side, World, wire};
use http::Request;
use serde_json::{Value, json};

use program::{
    FASTMCP, INSPECTOR, Installed, PYTHON_V1, PYTHON_V2, Program, TYPESCRIPT_V1, TYPESCRIPT_V2,
};
use seen::{Observed, Refusal, trace_id_masked};
use steps::{Oauth, Step, headers, situations};

#[tokio::test(flavor = "multi_thread")]
async fn what_users_of_the_python_sdk_v1_see() {
    users_see(&PYTHON_V1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_of_the_python_sdk_v2_see() {
    users_see(&PYTHON_V2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_of_fastmcp_see() {
    users_see(&FASTMCP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_of_the_typescript_sdk_v1_see() {
    users_see(&TYPESCRIPT_V1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_of_the_typescript_sdk_v2_see() {
    users_see(&TYPESCRIPT_V2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_of_the_inspector_see() {
    users_see(&INSPECTOR).await;
}

/// Lists, calls, and is refused, at each server and in each generation of the protocol.
async fn users_see(program: &'static Program) {
    let Some(clients) = installed() else { return };
    let world = World::start().await.unwrap();
    let mut observed = Vec::new();
    let mut asked = Vec::new();
    for kind in Kind::ALL {
        for (mode, protocol) in program.modes {
            for step in situations(world.side(kind), mode) {
                asked.push(step);
                observed.push((kind, *protocol));
            }
        }
    }
    let seen = program.run(&clients, &asked).await;
    let mut all = Vec::new();
    for ((kind, protocol), seen) in observed.into_iter().zip(seen) {
        let refusal = refusal(world.side(kind), &seen.step).await;
        let one = Observed { kind, protocol, seen, refusal };
        is_right(program, &world, &one).await;
        all.push(one);
    }
    page::says(program.title, &page::table(program, &world, &all));
    world.stop().await;
}

async fn is_right(program: &Program, world: &World, one: &Observed) {
    let at = format!("{} at {}, {}: {:?}", program.title, one.kind, one.protocol, one.seen);
    if let Some(version) = &one.seen.version {
        assert_eq!(version, one.protocol, "{at}");
    }
    match one.seen.step.as_str() {
        "list" => {
            let side = world.side(one.kind);
            let ours = side.connect(&side.bob, Protocol::V2026_07_28).await.unwrap();
            let listed = ours.list_tools().await.unwrap();
            let names: Vec<_> = listed.into_iter().map(|tool| tool.name.into_owned()).collect();
            assert_eq!(one.seen.tools.as_ref(), Some(&names), "{at}");
            assert!(!names.iter().any(|name| name == side.refused_tool), "{at}");
            ours.close().await.unwrap();
        }
        "call" => {
            let whoami = one.seen.result.as_ref().unwrap_or_else(|| panic!("{at}"));
            assert_eq!(whoami["user"], "bob", "{at}");
            assert_eq!(whoami["scheme"], if one.kind == Kind::ApiKey { "apikey" } else { "jwt" });
        }
        _ => {
            let error = one.seen.error.as_deref().unwrap_or_else(|| panic!("not refused: {at}"));
            let Refusal { sentence, how_to_fix } = one.refusal.as_ref().unwrap();
            let masked = one.masked(world.side(one.kind).origin());
            let told = error.contains(sentence) || program.hides.contains(&masked.as_str());
            assert!(told, "the server said: {sentence}\n{at}");
            let kept = one.seen.data.to_string().contains(how_to_fix);
            assert_eq!(kept, program.keeps && !error.starts_with("InsufficientScope"), "{at}");
        }
    }
}

/// What the server says to a raw request in this situation.
async fn refusal(side: &Side, step: &str) -> Option<Refusal> {
    let (credential, tool) = match step {
        "none" => (None, "get_time"),
        "wrong" => (Some(&side.wrong), "get_time"),
        "expired" => (Some(&side.expired), "get_time"),
        "refused" => (Some(&side.bob), side.refused_tool),
        _ => return None,
    };
    let request: Request<String> = wire::call(&side.url, credential, tool, json!({}));
    let http = client::http_client(&client::parse_url(&side.url).unwrap()).unwrap();
    let response = http.execute(request.try_into().unwrap()).await.unwrap();
    let refused: Value = response.json().await.unwrap();
    let error = &refused["error"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Some(Refusal {
        sentence: text(&error["message"]),
        how_to_fix: text(&error["data"]["how_to_fix"]),
    })
}

/// With its id and secret alone, a client finds everything else: from the 401 where tokens are to
/// be had and which scopes to ask for, from a 403 which one is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_told_nothing_else_finds_its_token() {
    let Some(clients) = installed() else { return };
    let world = World::start().await.unwrap();
    let side = world.side(Kind::Jwt);
    let oauth = oauth(&world);
    let mut table = String::from("| situation | client | its user sees |\n|---|---|---|\n");
    for program in [&PYTHON_V1, &PYTHON_V2, &FASTMCP, &TYPESCRIPT_V1, &TYPESCRIPT_V2] {
        let (mode, _) = program.modes[0];
        let step = |step: &str, call, arguments: Option<Value>| Step {
            step: step.to_owned(),
            oauth: Some(oauth.clone()),
            call,
            arguments,
            ..Step::at(&side.url, mode)
        };
        let wrong = Oauth { client_secret: "A".repeat(43), ..oauth.clone() };
        let asked = [
            step("list", None, None),
            step("call", Some("whoami"), None),
            step("more", Some("add_shopping_item"), Some(json!({ "name": "milk" }))),
            step("refused", Some(side.refused_tool), Some(json!({ "id": 1 }))),
            Step { oauth: Some(wrong), ..step("secret", None, None) },
        ];
        let seen = program.run(&clients, &asked).await;
        let [list, call, more, refused, secret] = seen.try_into().unwrap();
        let whoami = call.result.unwrap_or_else(|| panic!("{}: {:?}", program.title, call.error));
        assert_eq!((&whoami["user"], &whoami["tools"]), (&json!("bob"), &json!(list.tools)));
        // The challenge names what only reads; whoever looks elsewhere gets all that bob may have.
        let writes = whoami["scopes"].as_array().unwrap().contains(&json!("shopping:write"));
        assert_eq!(writes, program.package == TYPESCRIPT_V1.package, "{}: {whoami}", program.title);
        assert!(more.result.is_some() && !more.failed, "{}: {more:?}", program.title);
        for (title, seen) in [("a tool that one may not call", refused), ("wrong secret", secret)] {
            let error = seen.error.unwrap_or_else(|| panic!("{}: {title}", program.title));
            let sentence = page::code(&trace_id_masked(&error));
            let _ = writeln!(table, "| {title} | {} | {sentence} |", program.title);
        }
    }
    page::says("client credentials", &table);
    world.stop().await;
}

/// A session is gone on with by its owner, and by nobody else who knows its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_its_owners_alone() {
    let Some(clients) = installed() else { return };
    let world = World::start().await.unwrap();
    let mut asked = Vec::new();
    for kind in Kind::ALL {
        let side = world.side(kind);
        let step = |step: &str, credential, resume| Step {
            step: step.to_owned(),
            headers: Some(headers(kind, credential)),
            call: Some("whoami"),
            resume,
            ..Step::at(&side.url, "legacy")
        };
        asked.push(step("bob", &side.bob, None));
        asked.push(step("bob again", &side.bob, Some("bob")));
        asked.push(step("alice", &side.alice, Some("bob")));
    }
    for program in [&TYPESCRIPT_V1, &TYPESCRIPT_V2] {
        for seen in program.run(&clients, &asked).await {
            let at = format!("{}: {seen:?}", program.title);
            match seen.step.as_str() {
                "alice" => assert!(seen.error.is_some_and(|error| error.contains("404")), "{at}"),
                _ => assert_eq!(seen.result.expect(&at)["user"], "bob", "{at}"),
            }
        }
    }
    world.stop().await;
}

/// A client that keeps answers for all its users gives nobody the list of another.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_kept_for_nobody_else() {
    let Some(clients) = installed() else { return };
    let world = World::start().await.unwrap();
    let mut asked = Vec::new();
    for kind in Kind::ALL {
        let side = world.side(kind);
        asked.extend([("bob", &side.bob), ("alice", &side.alice)].map(|(user, credential)| Step {
            step: user.to_owned(),
            headers: Some(headers(kind, credential)),
            shared_cache: Some(user),
            ..Step::at(&side.url, PYTHON_V2.modes[0].0)
        }));
    }
    let seen = PYTHON_V2.run(&clients, &asked).await;
    for (kind, users) in Kind::ALL.into_iter().zip(seen.chunks(2)) {
        let [bob, alice] = [0, 1].map(|user| users[user].tools.as_ref().expect("a list"));
        // Roles see different tools; the samples' keys and clients all see the same.
        assert_eq!(bob == alice, kind != Kind::Rbac, "{kind}: {users:?}");
    }
    for one in &seen {
        assert_eq!((one.scope.as_deref(), one.ttl), (Some("private"), Some(0)), "{one:?}");
    }
    world.stop().await;
}

fn oauth(world: &World) -> Oauth {
    let file = std::fs::read_to_string(world.keys.join("clients/bob.client.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    Oauth {
        client_id: text("client_id"),
        client_secret: text("client_secret"),
        issuer: world.side(Kind::Jwt).origin().to_owned(),
    }
}

/// The clients. Without them there is nothing to do, which is said.
fn installed() -> Option<Installed> {
    let why = match Installed::find() {
        Ok(installed) => return Some(installed),
        Err(why) => why,
    };
    assert!(std::env::var_os("MCP_AUTH_REQUIRE_FOREIGN").is_none(), "{why}");
    // Past the test runner, which keeps what a passing test prints to itself.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
    None
}
