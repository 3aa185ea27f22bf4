//! A credential that ends soon hears of it in every answer, in each scheme.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/table.rs"]
mod table;

use compare::{Kind, World, wire};
use jiff::Timestamp;
use serde_json::{Value, json};
use table::forge::Forge;
use table::raw::{Answer, Raw};

/// So many seconds are less than a tenth of the life of a credential that was issued five minutes ago.
const LEFT: i64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_when_the_credential_ends_and_how_to_renew_it() {
    let world = World::start().await.unwrap();
    let stranger = keygen::rsa::generate(2048).unwrap();
    for kind in Kind::ALL {
        let side = world.side(kind);
        let forge = Forge::for_side(&world, side, &stranger, "");
        let old = forge.aged(side, 300, LEFT).await.unwrap();
        let how = match kind {
            Kind::ApiKey => "keygen apikey rotate",
            Kind::Jwt => "/token",
            Kind::Rbac => "https://dev-issuer.com",
        };
        let called = Raw::call(side).present(&old).send(side).await;
        told(&called, how);
        in_meta(&called, how);
        let listed = Raw::method_of_mcp(side, "tools/list", json!({}));
        let listed = listed.present(&old).send(side).await;
        told(&listed, how);
        in_meta(&listed, how);
        let older = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        } });
        told(&Raw::older(side, &older).present(&old).send(side).await, how);
        told(&Raw::to(side, "GET", "/mcp/sessions").present(&old).send(side).await, how);
        let refused = wire::call(&side.url, Some(&old), side.refused_tool, json!({}));
        let refused = Raw::of(refused).send(side).await;
        assert_eq!(refused.status, 403, "{kind}: {}", refused.whole());
        told(&refused, how);

        let lasting = Raw::call(side).present(&side.bob).send(side).await;
        assert_eq!((lasting.status, lasting.header("credential-expires")), (200, None), "{kind}");
        assert!(lasting.json()["result"]["_meta"][tools::CREDENTIAL_META].is_null(), "{kind}");
        let wrong = Raw::call(side).present(&side.expired).send(side).await;
        assert_eq!((wrong.status, wrong.header("credential-expires")), (401, None), "{kind}");
    }
    world.stop().await;
}

#[track_caller]
fn told(answer: &Answer, how: &str) {
    let ends = answer.header("credential-expires").expect("it says when the credential ends");
    is_soon(ends);
    let renew = answer.header("credential-renew").expect("it says how to renew it");
    assert!(renew.contains(how), "{renew}");
}

#[track_caller]
fn in_meta(answer: &Answer, how: &str) {
    let meta: &Value = &answer.json()["result"]["_meta"][tools::CREDENTIAL_META];
    is_soon(meta["expires"].as_str().expect("it says when the credential ends"));
    assert!(meta["howToRenew"].as_str().is_some_and(|text| text.contains(how)), "{meta}");
}

#[track_caller]
fn is_soon(ends: &str) {
    let left = ends.parse::<Timestamp>().unwrap().as_second() - Timestamp::now().as_second();
    assert!((0..=LEFT).contains(&left), "in {left} s");
}
