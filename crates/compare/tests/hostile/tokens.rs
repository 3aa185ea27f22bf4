//! T1 to T10: forged tokens, and tokens that are signed as they should be and say what they
//! should not. The API key server is shown all of them too.

use compare::Kind;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::attack::{Attack, Expected, INVALID, token};
use super::forge::{Forge, Key, unsigned};

pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    let mut rows = confused();
    rows.extend(unsigned_or_not_theirs());
    rows.extend(own_keys());
    rows.extend(key_names());
    rows.extend(audience_and_issuer());
    rows.extend(times());
    if kind != Kind::ApiKey {
        rows.extend(odd_and_right());
    }
    rows
}

/// So that the table does not pass by refusing all.
fn odd_and_right() -> Vec<Attack> {
    let signed = |trap, name, changes: fn(&Forge) -> Value| {
        token(trap, name, Expected::Passed, move |forge| forge.signed(changes(forge)))
    };
    vec![
        signed("T1", "claims as they are", |_| json!({})),
        signed(
            "T8",
            "aud a list that holds this server",
            |forge| json!({ "aud": ["x", forge.claims["aud"]] }),
        ),
        signed(
            "T9",
            "expired within the leeway",
            |_| json!({ "exp": Timestamp::now().as_second() - 1 }),
        ),
        signed("T10", "nbf in the past", |_| json!({ "nbf": Timestamp::now().as_second() - 60 })),
    ]
}

/// T1: the key decides the algorithm, never the token.
fn confused() -> Vec<Attack> {
    let hs256 = |name: &'static str, secret: fn(&Forge) -> &[u8]| {
        token("T1", name, INVALID, move |forge| {
            let header = forge.header_with(json!({ "alg": "HS256" }));
            Key::bytes(secret(forge)).sign(&header, &forge.claims.to_string())
        })
    };
    vec![
        hs256("HS256 under the public key, PEM", |forge| &forge.public_pem),
        hs256("HS256 under the public key, PEM without its last line end", |forge| {
            forge.public_pem.trim_ascii_end()
        }),
        hs256("HS256 under the public key, DER", |forge| &forge.public_der),
        hs256("HS256 under the public key, JWK", |forge| &forge.public_jwk),
        token("T1", "the other family's name over the right signature", INVALID, |forge| {
            let header = forge.header_with(json!({ "alg": forge.own.other_family() }));
            forge.own.sign(&header, &forge.claims.to_string())
        }),
        token("T1", "the right key, 512 bits", INVALID, |forge| {
            let (key, alg) = forge.own.wider();
            key.sign(&forge.header_with(json!({ "alg": alg })), &forge.claims.to_string())
        }),
        token("T1", "no alg", INVALID, |forge| {
            let header = forge.header_with(json!({ "alg": null }));
            forge.own.sign(&header, &forge.claims.to_string())
        }),
    ]
}

/// T2, T3.
fn unsigned_or_not_theirs() -> Vec<Attack> {
    let mut rows = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE"] {
        rows.push(token("T2", format!("alg {alg}, no signature"), INVALID, move |forge| {
            let header = forge.header_with(json!({ "alg": alg }));
            format!("{}.", unsigned(&header, &forge.claims.to_string()))
        }));
        rows.push(token("T2", format!("alg {alg}, the good signature"), INVALID, move |forge| {
            let header = forge.header_with(json!({ "alg": alg }));
            let message = unsigned(&header, &forge.claims.to_string());
            format!("{message}.{}", signature(&forge.token))
        }));
    }
    rows.extend([
        token("T2", "an empty signature", INVALID, |forge| format!("{}.", message(&forge.token))),
        token("T2", "two parts", INVALID, |forge| message(&forge.token).to_owned()),
        token("T2", "four parts", INVALID, |forge| format!("{}.AAAA", forge.token)),
        token("T2", "the signature of another token", INVALID, |forge| {
            format!("{}.{}", message(&forge.token), signature(&forge.other_token))
        }),
        token("T2", "half the signature", INVALID, |forge| {
            let signature = signature(&forge.token);
            format!("{}.{}", message(&forge.token), &signature[..signature.len() / 2])
        }),
        token("T2", "the bits of the signature that nobody reads", INVALID, |forge| {
            // Two spellings of one signature would be two tokens to a list of revoked ones.
            let (rest, last) = forge.token.split_at(forge.token.len() - 1);
            format!("{rest}{}", next(last))
        }),
        token("T3", "another issuer under the same key", INVALID, |forge| {
            forge.signed(json!({ "iss": "http://127.0.0.1:1", "aud": "http://127.0.0.1:1/mcp" }))
        }),
        token("T3", "another issuer's key", INVALID, |forge| forge.by_stranger(json!({}))),
    ]);
    rows
}

/// T4: a token does not bring the key that verifies it, and nothing is fetched.
fn own_keys() -> Vec<Attack> {
    let brought = |name: &'static str, header: fn(&Forge) -> Value| {
        token("T4", name, INVALID, move |forge| forge.by_stranger(header(forge)))
    };
    vec![
        brought("jwk", |forge| json!({ "jwk": forge.stranger_jwk })),
        brought("jwk and no kid", |forge| json!({ "jwk": forge.stranger_jwk, "kid": null })),
        brought(
            "jwk under a kid of its own",
            |forge| json!({ "jwk": forge.stranger_jwk, "kid": "mine" }),
        ),
        brought("jku", |forge| json!({ "jku": format!("{}/jwks.json", forge.trap) })),
        brought(
            "jku under a kid of its own",
            |forge| json!({ "jku": format!("{}/jwks.json", forge.trap), "kid": "mine" }),
        ),
        brought("x5u", |forge| json!({ "x5u": format!("{}/cert.pem", forge.trap) })),
        brought("x5c", |forge| {
            use base64::Engine;
            let der = base64::engine::general_purpose::STANDARD.encode(&forge.stranger_der);
            json!({ "x5c": [der] })
        }),
        token("T4", "an issuer that is a URL of the attacker's", INVALID, |forge| {
            let header = forge.header_with(json!({ "alg": "RS256", "kid": "mine" }));
            forge.stranger.sign(&header, &forge.claims_with(json!({ "iss": forge.trap })))
        }),
    ]
}

/// T5: a `kid` is looked up and never interpreted.
fn key_names() -> Vec<Attack> {
    let named = |name: &'static str, kid: fn() -> Value| {
        token("T5", name, INVALID, move |forge| {
            // What a server that read /dev/null as its key would accept.
            let header = forge.header_with(json!({ "alg": "HS256", "kid": kid() }));
            Key::bytes(b"").sign(&header, &forge.claims.to_string())
        })
    };
    vec![
        named("a path", || json!("../../../../../../dev/null")),
        named("a file URL", || json!("file:///dev/null")),
        named("SQL", || json!("x' UNION SELECT '' --")),
        named("a shell", || json!("|true")),
        named("4 KiB", || json!("k".repeat(4096))),
        named("empty", || json!("")),
        named("a NUL", || json!("a\0b")),
        named("a number", || json!(7)),
        named("a list", || json!(["a"])),
        named("absent", || Value::Null),
        token("T5", "the right key under an unknown kid", INVALID, |forge| {
            let header = forge.header_with(json!({ "kid": "unknown" }));
            forge.own.sign(&header, &forge.claims.to_string())
        }),
    ]
}

/// T8: compared exactly.
fn audience_and_issuer() -> Vec<Attack> {
    let mut rows = Vec::new();
    for claim in ["aud", "iss"] {
        rows.extend([
            changed(claim, "missing", |_| Value::Null),
            // `null` in changes removes, so this one is written as text.
            token("T8", format!("{claim} null"), INVALID, move |forge| {
                let rest = forge.claims_with(json!({ claim: null }));
                forge.signed_text(&format!("{{\"{claim}\":null,{}", &rest[1..]))
            }),
            changed(claim, "a number", |_| json!(7)),
            changed(claim, "true", |_| json!(true)),
            changed(claim, "empty", |_| json!("")),
            changed(claim, "an empty list", |_| json!([])),
            changed(claim, "an object", |good| json!({ good: true })),
            changed(claim, "another server", |_| json!("http://127.0.0.1:1/mcp")),
            changed(claim, "all but its last character", |good| json!(good[..good.len() - 1])),
            changed(claim, "all but its first character", |good| json!(good[1..])),
            changed(claim, "with a slash behind", |good| json!(format!("{good}/"))),
            changed(claim, "with a space behind", |good| json!(format!("{good} "))),
            changed(claim, "in capitals", |good| json!(good.to_uppercase())),
            changed(claim, "within a longer one", |good| json!(format!("x{good}x"))),
            changed(claim, "a list of others", |good| json!([format!("{good}x"), "y"])),
        ]);
    }
    rows.push(changed("iss", "a list that holds the right one", |good| json!([good])));
    rows
}

/// T9, T10: a moment is a whole number of seconds, and near.
fn times() -> Vec<Attack> {
    let at = |trap, name: &'static str, changes: fn(i64) -> Value| {
        token(trap, name, INVALID, move |forge| forge.signed(changes(Timestamp::now().as_second())))
    };
    let text = |trap, name: &'static str, claim: &'static str, value: &'static str| {
        token(trap, name, INVALID, move |forge| {
            let rest = forge.claims_with(json!({ claim: null }));
            forge.signed_text(&format!("{{\"{claim}\":{value},{}", &rest[1..]))
        })
    };
    const YEAR: i64 = 365 * 24 * 3600;
    vec![
        at("T9", "exp missing", |_| json!({ "exp": null })),
        text("T9", "exp null", "exp", "null"),
        at("T9", "exp as text", |now| json!({ "exp": (now + 600).to_string() })),
        at("T9", "exp negative", |_| json!({ "exp": -1 })),
        at("T9", "exp zero", |_| json!({ "exp": 0 })),
        text("T9", "exp 1e300", "exp", "1e300"),
        text("T9", "exp beyond 64 bits", "exp", "99999999999999999999"),
        text("T9", "exp the largest there is", "exp", "9223372036854775807"),
        at("T9", "exp a list", |now| json!({ "exp": [now + 600] })),
        at("T9", "expired by the leeway and a second", |now| json!({ "exp": now - 6 })),
        at("T9", "exp in ten years", |now| json!({ "exp": now + 10 * YEAR, "iat": now })),
        at(
            "T9",
            "a life of two days, of which an hour is left",
            |now| json!({ "iat": now - 47 * 3600, "exp": now + 3600 }),
        ),
        at("T10", "nbf in an hour", |now| json!({ "nbf": now + 3600 })),
        at("T10", "nbf as text", |now| json!({ "nbf": now.to_string() })),
        text("T10", "nbf null", "nbf", "null"),
        at("T10", "iat in an hour", |now| json!({ "iat": now + 3600, "exp": now + 7200 })),
        at("T10", "iat missing", |_| json!({ "iat": null })),
        at("T10", "iat as text", |now| json!({ "iat": now.to_string() })),
    ]
}

/// T8: one claim changed, the rest and the signature right.
fn changed(claim: &'static str, name: &str, value: fn(&str) -> Value) -> Attack {
    token("T8", format!("{claim} {name}"), INVALID, move |forge| {
        let good = forge.claims[claim].as_str().unwrap().to_owned();
        forge.signed(json!({ claim: value(&good) }))
    })
}

/// The character whose value in base64url is one more: it differs in bits that stand behind
/// the last whole byte.
fn next(last: &str) -> &str {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = ALPHABET.find(last).unwrap() + 1;
    &ALPHABET[at..=at]
}

fn message(token: &str) -> &str {
    token.rsplit_once('.').unwrap().0
}

fn signature(token: &str) -> &str {
    token.rsplit_once('.').unwrap().1
}
