//! T23, T33: how much one caller may ask for, and how often one address may be wrong. Neither
//! is at the cost of anybody else.

use client::Credential;
use compare::{Kind, Side};
use serde_json::json;
use serve::Running;

use crate::table::attack::Expected;
use crate::table::forge::{Client, Forge};
use crate::table::judge::{judge, retry_after};
use crate::table::raw::{Answer, Raw};

/// Far more than the limits that these servers are started with.
const MANY: usize = 60;
/// More than any server lets one address be wrong.
const VERY_MANY: usize = 3000;

/// The flags of a server that soon has enough of one caller.
pub(crate) const FLAGS: [&str; 2] = ["--rate-limit", "10/h,10"];

/// T33: calls of one caller, who knows how long to wait, and not those of another.
///
/// # Panics
/// Something is otherwise.
pub(crate) async fn callers(side: &Side, forge: &Forge, running: &Running) {
    let address = running.addr.to_string();
    let [bob, alice] = good(side, forge, running);
    let mut answers = Vec::new();
    for _ in 0..MANY {
        answers.push(Raw::call(side).present(&bob).send_to(&address).await);
    }
    let passed = answers.iter().take_while(|answer| answer.status == 200).count();
    assert!((1..MANY).contains(&passed), "{}: {passed} calls passed", side.kind);
    assert!(answers[0].header("ratelimit-policy").is_some(), "{}", answers[0].head);
    refused(Expected::Refused(429), side, forge, &answers[passed]);
    let left = answers[passed].header("ratelimit").unwrap_or_default();
    assert!(left.contains(";r=0;"), "{}: {left}", side.kind);
    // Before the body, and whatever is asked for.
    let huge = Raw::call(side).present(&bob).announced(1 << 40).send_to(&address).await;
    refused(Expected::Refused(429), side, forge, &huge);
    assert_eq!(Raw::call(side).present(&alice).send_to(&address).await.status, 200);
    if side.kind == Kind::Jwt {
        clients(side, forge, &address).await;
    }
}

/// T33: a client runs out of tokens to fetch, and can still use and take back those it has.
async fn clients(side: &Side, forge: &Forge, address: &str) {
    let form = |path: &str, client: &Client, rest: &str| {
        let form = format!("client_id={}&client_secret={}&{rest}", client.id, client.secret);
        Raw::form(side, path, &form)
    };
    let ask = |client| form("/token", client, "grant_type=client_credentials");
    let first = ask(&forge.client).send_to(address).await.json();
    let token = first["access_token"].as_str().unwrap();
    let mut answer = ask(&forge.client).send_to(address).await;
    for _ in 0..MANY {
        if answer.status != 200 {
            break;
        }
        answer = ask(&forge.client).send_to(address).await;
    }
    assert_eq!(answer.status, 429, "{}", answer.whole());
    assert!(retry_after(&answer).is_some(), "{}", answer.whole());
    let left = answer.header("ratelimit").unwrap_or_default();
    assert!(left.contains(";r=0;"), "{}", answer.whole());
    assert_eq!(answer.json()["error"], "temporarily_unavailable", "{}", answer.whole());
    let call = || Raw::call(side).bearer(token);
    assert_eq!(call().send_to(address).await.status, 200);
    let token = format!("token={token}");
    let taken_back = form("/revoke", &forge.client, &token).send_to(address).await;
    assert_eq!(taken_back.status, 200, "{}", taken_back.whole());
    assert_eq!(call().send_to(address).await.status, 401);
    assert_eq!(ask(&forge.other_client).send_to(address).await.status, 200);
}

/// T23: wrong credentials slow down the address that they come from, and no good one.
///
/// # Panics
/// Something is otherwise.
pub(crate) async fn failures(side: &Side, forge: &Forge, running: &Running) {
    let address = running.addr.to_string();
    let [bob, _] = good(side, forge, running);
    let wrong = || Raw::call(side).present(&side.wrong);
    let mut answer = until_429(wrong, &address).await;
    // It names itself in the challenge, as the other would.
    answer.head = answer.head.replace(&format!("http://{address}"), side.origin());
    // Still a credential that is not good, which the client has to hear.
    refused(Expected::Challenged(429, Some("invalid_token")), side, forge, &answer);
    assert_eq!(Raw::call(side).present(&bob).send_to(&address).await.status, 200, "{}", side.kind);
    if side.kind == Kind::Jwt {
        let form = |secret: &str| {
            let id = &forge.client.id;
            let form = format!("grant_type=client_credentials&client_id={id}&client_secret=");
            Raw::form(side, "/token", &(form + secret))
        };
        let answer = until_429(|| form("wrong-secret-of-nobody"), &address).await;
        assert!(retry_after(&answer).is_some(), "{}", answer.whole());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.whole());
        assert!(answer.json()["error"].is_string(), "{}", answer.whole());
        let answer = form(&forge.client.secret).send_to(&address).await;
        assert_eq!(answer.status, 200, "{}", answer.whole());
    }
}

async fn until_429(request: impl Fn() -> Raw, address: &str) -> Answer {
    for _ in 0..VERY_MANY {
        let answer = request().send_to(address).await;
        match answer.status {
            401 => {}
            429 => return answer,
            _ => panic!("{}", answer.whole()),
        }
    }
    panic!("an address was wrong {VERY_MANY} times and was not slowed down");
}

#[track_caller]
fn refused(expected: Expected, side: &Side, forge: &Forge, answer: &Answer) {
    let judged = judge(expected, side, forge, answer);
    assert_eq!(judged, Ok(()), "{}: {}", side.kind, answer.whole());
}

/// Bob's and alice's credentials for this server, which calls itself by another port.
fn good(side: &Side, forge: &Forge, running: &Running) -> [Credential; 2] {
    if side.kind != Kind::Jwt {
        return [side.bob.clone(), side.alice.clone()];
    }
    let origin = format!("http://{}", running.addr);
    ["bob", "alice"].map(|user| {
        let claims = json!({
            "iss": origin, "aud": format!("{origin}/mcp"), "sub": user, "client_id": user,
        });
        Side::present(side.kind, &forge.signed(claims)).unwrap()
    })
}
