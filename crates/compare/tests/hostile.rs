//! The same hostile requests, raw over a socket, to every scheme.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "hostile/attack.rs"]
mod attack;
#[path = "hostile/forge.rs"]
mod forge;
#[path = "hostile/headers.rs"]
mod headers;
#[path = "hostile/raw.rs"]
mod raw;
#[path = "hostile/tokens.rs"]
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use attack::{Attack, Expected, attack};
use compare::situations::{Check, SITUATIONS};
use compare::{Kind, Side, World, wire};
use forge::Forge;
use jiff::Timestamp;
use raw::{Answer, Raw};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The traps that every scheme has to be tried with.
const TRAPS: [&str; 13] =
    ["T1", "T2", "T3", "T4", "T5", "T8", "T9", "T10", "T15", "T16", "T17", "T18", "T20"];

/// What the log may say of a refusal and the client may not.
const FOR_THE_LOG_ALONE: [&str; 9] =
    ["checksum", "signature", "kid", "alg:", "iss:", "aud:", "no API key has", "panicked", ".rs"];

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_request_is_refused_by_every_scheme() {
    let world = World::start().await.unwrap();
    let stranger = keygen::rsa::generate(2048).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trap = format!("http://{}", listener.local_addr().unwrap());

    let attacks: Vec<Attack> = tokens::attacks().into_iter().chain(headers::attacks()).collect();
    let mut tried = BTreeMap::<Kind, BTreeSet<&str>>::new();
    let (mut hostile, mut refused, mut through, mut wrong) = (0, 0, 0, Vec::new());
    for kind in Kind::ALL {
        let side = world.side(kind);
        let forge = Forge::for_side(&world, side, &stranger, &trap);
        for attack in attacks.iter().chain(&of_its_own(kind)) {
            let answer = (attack.build)(side, &forge).send(side).await;
            tried.entry(kind).or_default().insert(attack.trap);
            let is_hostile = attack.expected != Expected::Passed;
            hostile += usize::from(is_hostile);
            through += usize::from(is_hostile && answer.status < 400);
            match judge(attack.expected, side, &forge, &answer) {
                Ok(()) => refused += usize::from(is_hostile),
                Err(why) => wrong.push(format!("{} {kind}: {}: {why}", attack.trap, attack.name)),
            }
        }
        let good = Raw::call(side).bearer(good(side)).send(side).await;
        assert_eq!(good.status, 200, "{kind} no longer answers a good request: {}", good.body);
    }
    first_page(&world, &mut wrong).await;
    for kind in Kind::ALL {
        let traps = tried.get(&kind).cloned().unwrap_or_default();
        let missing: Vec<_> = TRAPS.iter().filter(|trap| !traps.contains(*trap)).collect();
        assert!(missing.is_empty(), "{kind} was not tried with {missing:?}");
    }
    // T4: nobody came for the attacker's key.
    let visit = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(visit.is_err(), "a server fetched what a token pointed at");

    say(&format!(
        "{hostile} hostile requests, {refused} refused as they should be, {through} got through"
    ));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    world.stop().await;
}

/// T22: whether an id exists is not to be learnt from the answer, and neither is how much of a
/// secret was right.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_and_a_known_one_are_refused_alike() {
    let world = World::start().await.unwrap();
    for kind in Kind::ALL {
        let side = world.side(kind);
        // `wrong` is of an unknown id; `tampered` of a known one.
        let mut answers = Vec::new();
        for credential in [&side.wrong, &side.tampered] {
            let request = wire::call(&side.url, Some(credential), "get_time", json!({}));
            answers.push(Raw::of(request).send(side).await);
        }
        assert_eq!(answers[0].status, 401, "{kind}");
        assert_eq!(answers[0].without_trace(), answers[1].without_trace(), "{kind}");
        assert_ne!(answers[0].header("x-request-id"), answers[1].header("x-request-id"));
    }
    world.stop().await;
}

/// What concerns one scheme alone: requests that look odd and are right, so that the table does
/// not pass by refusing all, and roles that are none.
fn of_its_own(kind: Kind) -> Vec<Attack> {
    let signed = |trap, name, expected, changes: fn(&Forge) -> Value| {
        attack::token(trap, name, expected, move |forge| forge.signed(changes(forge)))
    };
    let mut rows = vec![attack("T8", "a credential as Bearer", Expected::Passed, |side, _| {
        Raw::call(side).bearer(good(side))
    })];
    if kind != Kind::ApiKey {
        let passed = Expected::Passed;
        rows.extend([
            signed(
                "T8",
                "aud a list that holds this server",
                passed,
                |forge| json!({ "aud": ["x", forge.claims["aud"]] }),
            ),
            signed(
                "T9",
                "expired within the leeway",
                passed,
                |_| json!({ "exp": Timestamp::now().as_second() - 1 }),
            ),
            signed(
                "T10",
                "nbf in the past",
                passed,
                |_| json!({ "nbf": Timestamp::now().as_second() - 60 }),
            ),
        ]);
    }
    if kind == Kind::Rbac {
        let none = Expected::Refusal(403, None);
        rows.extend([
            signed("T11", "a role that is a number", none, |_| json!({ "job_role": 1 })),
            signed("T11", "a role that is true", none, |_| json!({ "job_role": true })),
            signed("T11", "a role in a list", none, |_| json!({ "job_role": ["Manager"] })),
            signed(
                "T11",
                "a role in an object",
                none,
                |_| json!({ "job_role": { "Manager": true } }),
            ),
            signed(
                "T11",
                "a role with a look-alike letter",
                none,
                |_| json!({ "job_role": "M\u{430}nager" }),
            ),
        ]);
    }
    rows
}

/// The situations at the door, as the program itself shows them.
async fn first_page(world: &World, wrong: &mut Vec<String>) {
    for situation in SITUATIONS.iter().filter(|one| matches!(one.check, Check::Door { .. })) {
        let row = compare::observe(world, situation).await;
        for (kind, cell) in row.cells.iter().filter(|(_, cell)| !cell.right) {
            wrong.push(format!("{kind}: {}: {} {}", row.title, cell.status, cell.note));
        }
    }
}

fn judge(expected: Expected, side: &Side, forge: &Forge, answer: &Answer) -> Result<(), String> {
    let whole = format!("{}\n\n{}", answer.head, answer.body);
    for secret in [good(side), &forge.token, &forge.other_token] {
        if whole.contains(secret) {
            return Err(format!("the answer repeats a credential: {whole}"));
        }
    }
    let status = |right: u16| match answer.status {
        status if status == right => Ok(()),
        status => Err(format!("expected {right}, got {status}: {}", answer.body)),
    };
    match expected {
        Expected::Passed => {
            status(200)?;
            let time = &answer.json()["result"]["structuredContent"]["time"];
            if time.is_string() { Ok(()) } else { Err(format!("no answer in {}", answer.body)) }
        }
        Expected::Parser(right) => status(right),
        Expected::Refusal(right, error) => {
            status(right)?;
            refusal(right, error, answer)
        }
    }
}

/// A refusal is whole: challenge, sentence, trace id, and nothing that is for the log alone.
fn refusal(status: u16, error: Option<&str>, answer: &Answer) -> Result<(), String> {
    let challenge = answer.header("www-authenticate");
    let named = challenge.and_then(|value| value.split("error=\"").nth(1)?.split('"').next());
    // Other refusals are not about the credential, so they challenge nobody.
    if challenge.is_some() != matches!(status, 400 | 401) || named != error {
        return Err(format!("expected a challenge with {error:?}, got {challenge:?}"));
    }
    let body = answer.json();
    let told = &body["error"];
    if body["jsonrpc"] != "2.0" || told["message"].as_str().is_none_or(str::is_empty) {
        return Err(format!("no sentence in {}", answer.body));
    }
    let trace = answer.header("x-request-id");
    if trace.is_none() || told["data"]["trace_id"].as_str() != trace {
        return Err("body and header have not the same trace id".to_owned());
    }
    if answer.header("cache-control") != Some("no-store") {
        return Err("the refusal may be stored".to_owned());
    }
    match FOR_THE_LOG_ALONE.iter().find(|word| answer.body.contains(*word)) {
        Some(word) => Err(format!("the client is told {word:?}: {}", answer.body)),
        None => Ok(()),
    }
}

fn good(side: &Side) -> &str {
    side.bob.secret().expose_secret()
}

#[allow(clippy::print_stdout, reason = "the count is what a reader of the test's output wants")]
fn say(line: &str) {
    println!("{line}");
}
