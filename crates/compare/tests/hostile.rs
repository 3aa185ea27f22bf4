//! The same hostile requests, raw over a socket, to every scheme.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "hostile/abroad.rs"]
mod abroad;
#[path = "hostile/footprint.rs"]
mod footprint;
#[path = "hostile/limits.rs"]
mod limits;
#[path = "hostile/own.rs"]
mod own;
#[path = "hostile/pages.rs"]
mod pages;
#[path = "hostile/start.rs"]
mod start;
#[path = "hostile/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use compare::situations::{Check, SITUATIONS};
use compare::{Kind, World, wire};
use footprint::Footprint;
use serde_json::json;
use table::forge::Forge;
use table::raw::Raw;
use table::{Run, life, revoked};
use tokio::net::TcpListener;

/// The traps that every scheme has to be tried with.
const TRAPS: [&str; 31] = [
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T14", "T15", "T16", "T17",
    "T18", "T19", "T20", "T30", "T31", "T32", "T33", "T34", "T35", "T36", "T37", "T38", "T40",
    "T43", "T44", "T47",
];

/// Those of a token endpoint, for the scheme that has one.
const TRAPS_OF_AN_ISSUER: [&str; 5] = ["T23", "T24", "T25", "T26", "T27"];

/// How often the table is run: first until everything is warm, then once to compare with.
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_request_is_refused_by_every_scheme() {
    let world = World::start().await.unwrap();
    let stranger = keygen::rsa::generate(2048).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trap = format!("http://{}", listener.local_addr().unwrap());

    let before = Footprint::now();
    let mut warm = before;
    let mut runs: Vec<Run> = Vec::new();
    for round in 0..ROUNDS {
        runs.clear();
        for kind in Kind::ALL {
            let side = world.side(kind);
            runs.push(table::run(side, &Forge::for_side(&world, side, &stranger, &trap)).await);
        }
        if round == ROUNDS - 2 {
            warm = Footprint::now();
        }
    }
    let after = Footprint::settled(before).await;
    let mut wrong = first_page(&world).await;

    for (kind, run) in Kind::ALL.into_iter().zip(&runs) {
        let mut missing: BTreeSet<_> = TRAPS.into_iter().collect();
        if kind == Kind::Jwt {
            missing.extend(TRAPS_OF_AN_ISSUER);
        }
        missing.retain(|trap| !run.traps.contains(trap));
        assert!(missing.is_empty(), "{kind} was not tried with {missing:?}");
    }
    // T4: nobody came for the attacker's key.
    let visit = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(visit.is_err(), "a server fetched what a token pointed at");

    let sum = |of: fn(&Run) -> usize| runs.iter().map(of).sum::<usize>();
    let line = format!(
        "{} hostile requests, {} refused as they should be, {} got through",
        sum(|run| run.hostile),
        sum(|run| run.refused),
        sum(|run| run.through),
    );
    let rows: BTreeSet<_> = runs.iter().flat_map(|run| &run.rows).collect();
    say(&line);
    say(&format!("{} rows; before {before}, warm {warm}, after {after}", rows.len()));
    wrong.extend(runs.iter().flat_map(|run| run.wrong.iter().cloned()));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows.len() >= 150, "there are {} rows", rows.len());
    after.assert_nothing_is_left(before, warm);
    readme_says(&line);
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

/// T42: nobody goes on listening whose credential has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_credential_that_opened_it() {
    let world = World::start().await.unwrap();
    let stranger = keygen::rsa::generate(2048).unwrap();
    for kind in Kind::ALL {
        let side = world.side(kind);
        let forge = Forge::for_side(&world, side, &stranger, "");
        assert_eq!(life::streams_end(side, &forge).await, Ok(()), "{kind}");
    }
    world.stop().await;
}

/// T42: nor whose credential was revoked.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_its_session_end_when_their_credential_is_revoked() {
    let world = World::start().await.unwrap();
    let stranger = keygen::rsa::generate(2048).unwrap();
    for kind in Kind::ALL {
        let side = world.side(kind);
        let forge = Forge::for_side(&world, side, &stranger, "");
        assert_eq!(revoked::streams_end(side, &forge).await, Ok(()), "{kind}");
    }
    world.stop().await;
}

/// T23, T33: on servers of their own, because the table would not get through.
#[tokio::test(flavor = "multi_thread")]
async fn one_caller_is_slowed_down_and_nobody_else() {
    let world = World::start().await.unwrap();
    let stranger = keygen::rsa::generate(2048).unwrap();
    for kind in Kind::ALL {
        let side = world.side(kind);
        let forge = Forge::for_side(&world, side, &stranger, "");
        let server = own::launch(kind, &world.keys, &limits::FLAGS).await;
        limits::callers(side, &forge, &server).await;
        server.stop().await;
        let server = own::launch(kind, &world.keys, &[]).await;
        limits::failures(side, &forge, &server).await;
        server.stop().await;
    }
    world.stop().await;
}

/// T39: browsers ask before they call, and without a credential.
#[tokio::test(flavor = "multi_thread")]
async fn pages_that_were_named_may_call_every_scheme() {
    let world = World::start().await.unwrap();
    for kind in Kind::ALL {
        let server = own::launch(kind, &world.keys, &pages::FLAGS).await;
        pages::judge(world.side(kind), &server).await;
        server.stop().await;
    }
    world.stop().await;
}

/// T12: no server starts with what a stranger could guess, read or change.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_weak_starts_a_server() {
    for kind in Kind::ALL {
        start::refused(kind).await;
    }
}

/// T45, T46: no client takes its credential elsewhere, and none tries for ever.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_is_led_astray() {
    let world = World::start().await.unwrap();
    for kind in Kind::ALL {
        abroad::client(world.side(kind)).await;
    }
    world.stop().await;
}

/// The situations at the door, as the program itself shows them.
async fn first_page(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    for situation in SITUATIONS.iter().filter(|one| matches!(one.check, Check::Door { .. })) {
        let row = compare::observe(world, situation).await;
        for (kind, cell) in row.cells.iter().filter(|(_, cell)| !cell.right) {
            wrong.push(format!("{kind}: {}: {} {}", row.title, cell.status, cell.note));
        }
    }
    wrong
}

/// The count that the README tells is the count.
fn readme_says(line: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    assert!(
        readme.contains(line),
        "README.md tells another count; write there, where it says \"hostile requests\": {line}"
    );
}

#[allow(clippy::print_stdout, reason = "the count is what a reader of the test's output wants")]
fn say(line: &str) {
    println!("{line}");
}
