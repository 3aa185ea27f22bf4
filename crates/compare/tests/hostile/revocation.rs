//! T23, T24: who takes tokens back (RFC 7009), which is for the client that a token was issued
//! to, and for nobody else.

use compare::{Kind, Side};

use super::attack::{Attack, Expected, Outcome, attack, script};
use super::endpoint::{BAD_CLIENT, BAD_REQUEST, GRANT, in_body, known, with_basic};
use super::forge::{Client, Forge};
use super::raw::Raw;

pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    if kind != Kind::Jwt {
        return Vec::new();
    }
    let form = |trap, name: &str, expected, body: fn(&Forge) -> String| {
        attack(trap, format!("/revoke: {name}"), expected, move |side, forge| {
            Raw::form(side, "/revoke", &body(forge))
        })
    };
    let method = |method: &'static str| {
        let expected = Expected::OAuth(405, "invalid_request");
        attack("T24", format!("{method} /revoke"), expected, move |side, forge| {
            Raw::to(side, method, &format!("/revoke?token={}", forge.token))
        })
    };
    vec![
        form("T23", "no client", BAD_CLIENT, |forge| format!("token={}", forge.token)),
        form("T23", "a wrong secret", BAD_CLIENT, |forge| {
            let wrong = known(forge, "wrong-secret-of-nobody".into());
            format!("token={}&{}", forge.token, in_body(&wrong))
        }),
        form("T23", "an unknown client", BAD_CLIENT, |forge| {
            let nobody = Client { id: "nobody".into(), secret: forge.client.secret.clone() };
            format!("token={}&{}", forge.token, in_body(&nobody))
        }),
        attack("T23", "/revoke: the token in place of the client", BAD_CLIENT, |side, forge| {
            Raw::form(side, "/revoke", &format!("token={}", forge.token)).bearer(&forge.token)
        }),
        form("T24", "no token", BAD_REQUEST, |forge| in_body(&forge.client)),
        form("T24", "an empty token", BAD_REQUEST, |forge| {
            format!("token=&{}", in_body(&forge.client))
        }),
        form("T24", "token twice", BAD_REQUEST, |forge| {
            format!("token={}&token=x&{}", forge.token, in_body(&forge.client))
        }),
        attack("T24", "/revoke: the token in the query", BAD_REQUEST, |side, forge| {
            let target = format!("/revoke?token={}", forge.token);
            Raw::form(side, &target, &in_body(&forge.client))
        }),
        attack("T24", "/revoke: JSON", BAD_REQUEST, |side, forge| {
            let body = serde_json::json!({ "token": forge.token }).to_string();
            with_basic(side, &forge.client)
                .target("/revoke")
                .set("content-type", "application/json")
                .body(body)
        }),
        attack("T24", "/revoke: Basic and a secret in the body", BAD_REQUEST, |side, forge| {
            let body = format!("token=x&{}", in_body(&forge.client));
            with_basic(side, &forge.client).target("/revoke").body(body)
        }),
        method("GET"),
        method("DELETE"),
        script(
            "T23",
            "/revoke: another client's token",
            Expected::OAuth(400, "unauthorized_client"),
            anothers,
        ),
        script("T24", "/revoke: what is no token", Expected::Harmless(200), no_token),
    ]
}

/// Alice's token survives what bob's client wants of it.
async fn anothers(side: &Side, forge: &Forge) -> Outcome {
    let form = format!("{GRANT}&{}", in_body(&forge.other_client));
    let issued = Raw::form(side, "/token", &form).send(side).await.json();
    let token = issued["access_token"].as_str().ok_or("no token was issued")?;
    forge.keep(token);
    let body = format!("token={token}&{}", in_body(&forge.client));
    let answer = Raw::form(side, "/revoke", &body).send(side).await;
    let call = Raw::call(side).bearer(token).send(side).await;
    if call.status == 200 { Ok(answer) } else { Err(format!("it is gone: {}", call.whole())) }
}

/// What is no token is not told apart from what was one (RFC 7009 §2.2).
async fn no_token(side: &Side, forge: &Forge) -> Outcome {
    let mut answers = Vec::new();
    for token in ["x", "a.b.c", &forge.by_stranger(serde_json::json!({}))] {
        let body = format!("token={token}&{}", in_body(&forge.client));
        answers.push(Raw::form(side, "/revoke", &body).send(side).await);
    }
    let first = answers.swap_remove(0);
    match answers.iter().find(|answer| answer.without_trace() != first.without_trace()) {
        None => Ok(first),
        Some(other) => Err(format!("{} differs from {}", other.whole(), first.whole())),
    }
}
