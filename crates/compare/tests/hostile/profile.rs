//! T6, T7, T11: tokens under the right key whose header or claims are not those of an access
//! token (RFC 9068), or can be read in two ways, or name a role that is none.

use compare::Kind;
use serde_json::{Value, json};

use super::attack::{Attack, Expected, INVALID, token};
use super::forge::Forge;

pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    let mut rows = extensions();
    rows.extend(types());
    rows.extend(doubled());
    rows.extend(wrong_type());
    rows.extend(wrong_form());
    match kind {
        Kind::ApiKey => {}
        Kind::Jwt => {
            rows.extend(odd_and_right());
            rows.extend(scopes());
        }
        Kind::Rbac => {
            rows.extend(odd_and_right());
            rows.extend(roles());
        }
    }
    rows
}

/// T6: an extension that is not understood is refused, whatever it is (RFC 7515 §4.1.11).
fn extensions() -> Vec<Attack> {
    let with = |name: &'static str, changes: fn() -> Value| {
        token("T6", name, INVALID, move |forge| under(forge, changes()))
    };
    let text = |name: &'static str, member: &'static str| {
        token("T6", name, INVALID, move |forge| under_text(forge, member))
    };
    vec![
        with("crit names an extension", || json!({ "crit": ["exp2"], "exp2": 1 })),
        with("crit names a claim", || json!({ "crit": ["exp"] })),
        with("crit and b64 false", || json!({ "crit": ["b64"], "b64": false })),
        with("b64 false", || json!({ "b64": false })),
        with("crit an empty list", || json!({ "crit": [] })),
        with("crit a word", || json!({ "crit": "exp" })),
        with("crit false", || json!({ "crit": false })),
        text("crit null", r#""crit":null"#),
        text("crit in an escape", r#""cr\u0069t":["exp2"]"#),
    ]
}

/// T7: a token for something else is no access token.
fn types() -> Vec<Attack> {
    let called = |typ: &'static str| {
        token("T7", format!("typ {typ:?}"), INVALID, move |forge| {
            under(forge, json!({ "typ": typ }))
        })
    };
    let mut rows: Vec<_> = [
        "JWT",
        "jwt",
        "id_token",
        "id_token+jwt",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "client-authentication+jwt",
        "at+jwts",
        "xat+jwt",
        "at+jwt ",
        "at+jwt; charset=utf-8",
        "at+jwt,JWT",
        "application/application/at+jwt",
        "text/at+jwt",
        "at\u{2d}jwt",
        "\u{430}t+jwt",
        "",
    ]
    .into_iter()
    .map(called)
    .collect();
    rows.extend([
        token("T7", "typ missing", INVALID, |forge| under(forge, json!({ "typ": null }))),
        token("T7", "typ null", INVALID, |forge| {
            let header = forge.header_with(json!({ "typ": null }));
            let header = with_member(&header, r#""typ":null"#);
            forge.own.sign(&header, &forge.claims.to_string())
        }),
        token("T7", "typ a number", INVALID, |forge| under(forge, json!({ "typ": 7 }))),
        token("T7", "typ a list", INVALID, |forge| under(forge, json!({ "typ": ["at+jwt"] }))),
    ]);
    rows
}

/// T7: media types are compared without case, and may be written in full.
fn odd_and_right() -> Vec<Attack> {
    let called = |typ: &'static str| {
        token("T7", format!("typ {typ:?}"), Expected::Passed, move |forge| {
            under(forge, json!({ "typ": typ }))
        })
    };
    ["AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"].map(called).into()
}

/// T11: what is said twice is read by one program so and by another so.
fn doubled() -> Vec<Attack> {
    let header = |name: &'static str, member: &'static str| {
        token("T11", format!("header: {name} twice"), INVALID, move |forge| {
            under_text(forge, member)
        })
    };
    let claim = |name: &'static str, member: &'static str| {
        token("T11", format!("claims: {name} twice"), INVALID, move |forge| {
            forge.signed_text(&with_member(&forge.claims.to_string(), member))
        })
    };
    vec![
        header("alg", r#""alg":"none""#),
        header("alg, once in an escape,", r#""al\u0067":"none""#),
        header("typ", r#""typ":"JWT""#),
        token("T11", "header: kid twice", INVALID, |forge| {
            let header = with_member(&forge.header_with(json!({ "kid": "a" })), r#""kid":"b""#);
            forge.own.sign(&header, &forge.claims.to_string())
        }),
        header("a member that nobody reads", r#""x":1,"x":2"#),
        claim("sub", r#""sub":"alice""#),
        claim("sub, once in an escape,", r#""\u0073ub":"alice""#),
        token("T11", "claims: sub twice, the good one first", INVALID, |forge| {
            let text = forge.claims.to_string();
            forge.signed_text(&format!("{},\"sub\":\"alice\"}}", &text[..text.len() - 1]))
        }),
        claim("iss", r#""iss":"http://127.0.0.1:1""#),
        claim("aud", r#""aud":"http://127.0.0.1:1/mcp""#),
        claim("exp", r#""exp":9999999999"#),
        claim("jti", r#""jti":"another""#),
        claim("client_id", r#""client_id":"another""#),
        claim("job_role", r#""job_role":"Manager","job_role":"Officer""#),
        claim("scope", r#""scope":"shopping:remove","scope":"weather:read""#),
        claim("a claim that nobody reads", r#""x":1,"x":2"#),
    ]
}

/// T11: a claim of another type is not a claim.
fn wrong_type() -> Vec<Attack> {
    let mut rows = Vec::new();
    for claim in ["sub", "jti", "client_id"] {
        for (what, value) in [
            ("missing", Value::Null),
            ("empty", json!("")),
            ("a number", json!(7)),
            ("a list", json!(["bob"])),
            ("an object", json!({ "bob": 1 })),
        ] {
            rows.push(token("T11", format!("{claim} {what}"), INVALID, move |forge| {
                forge.signed(json!({ claim: value }))
            }));
        }
    }
    for (what, value) in [
        ("scope a list", json!({ "scope": ["weather:read"] })),
        ("scope an object", json!({ "scope": { "weather:read": true } })),
        ("scope a number", json!({ "scope": 1 })),
        ("scope true", json!({ "scope": true })),
    ] {
        let changes = value;
        rows.push(token("T11", what, INVALID, move |forge| forge.signed(changes.clone())));
    }
    rows
}

/// T11: what is not one JSON object in base64url, each.
fn wrong_form() -> Vec<Attack> {
    let claims = |name: &'static str, text: fn(&str) -> String| {
        token("T11", format!("claims: {name}"), INVALID, move |forge| {
            forge.signed_text(&text(&forge.claims.to_string()))
        })
    };
    vec![
        claims("empty", |_| String::new()),
        claims("null", |_| "null".into()),
        claims("a list of them", |good| format!("[{good}]")),
        claims("their text as text", |good| json!(good).to_string()),
        claims("two objects", |good| format!("{good}{good}")),
        claims("junk behind", |good| format!("{good}x")),
        claims("a comma too many", |good| format!("{},}}", &good[..good.len() - 1])),
        claims("cut off", |good| good[..good.len() - 1].into()),
        claims("a byte order mark", |good| format!("\u{feff}{good}")),
        claims("a comment", |good| format!("{good}/**/")),
        claims("a NUL behind", |good| format!("{good}\0")),
        claims("nested without an end", |_| "[".repeat(3000)),
        token("T11", "header: a list", INVALID, |forge| {
            let header = format!("[{}]", forge.header);
            forge.own.sign(&header, &forge.claims.to_string())
        }),
        token("T11", "header: empty", INVALID, |forge| {
            forge.own.sign("", &forge.claims.to_string())
        }),
        token("T11", "header: in single quotes", INVALID, |forge| {
            let header = forge.header.to_string().replace('"', "'");
            forge.own.sign(&header, &forge.claims.to_string())
        }),
        token("T11", "padded base64", INVALID, |forge| {
            let (message, signature) = forge.token.rsplit_once('.').unwrap();
            format!("{message}.{signature}=")
        }),
    ]
}

/// T11: scopes are whole words, compared exactly. Nothing reaches a tool that is not one.
fn scopes() -> Vec<Attack> {
    let with = |name: &'static str, scope: &'static str| {
        token("T11", name, Expected::NotPermitted, move |forge| {
            forge.signed(json!({ "scope": scope }))
        })
    };
    vec![
        token("T11", "no scope at all", Expected::NotPermitted, |forge| {
            forge.signed(json!({ "scope": null }))
        }),
        with("an empty scope", ""),
        with("a scope of all", "*"),
        with("a scope with a star", "weather:*"),
        with("half a scope", "weather"),
        with("a scope in capitals", "WEATHER:READ"),
        with("scopes with a comma between", "weather:read,payments:read"),
        with("scopes with a tab between", "weather:read\tpayments:read"),
        with("a scope with a look-alike letter", "we\u{430}ther:read"),
        with("a role as scope", "Manager"),
        // The name of a tool is no scope.
        with("a tool as scope", "get_time"),
    ]
}

/// T11: roles are compared exactly, and what is not a role has no tool but `whoami`.
fn roles() -> Vec<Attack> {
    let with = |name: &'static str, role: fn() -> Value| {
        token("T11", name, Expected::NotPermitted, move |forge| {
            forge.signed(json!({ "job_role": role() }))
        })
    };
    vec![
        with("no role at all", || Value::Null),
        with("a role that is a number", || json!(1)),
        with("a role that is true", || json!(true)),
        with("a role in a list", || json!(["Manager"])),
        with("a role in an object", || json!({ "Manager": true })),
        with("an empty role", || json!("")),
        with("a role that is not in the policy", || json!("Admin")),
        with("a role in small letters", || json!("manager")),
        with("a role in capitals", || json!("MANAGER")),
        with("a space before a role", || json!(" Manager")),
        with("a space behind a role", || json!("Manager ")),
        with("a NUL behind a role", || json!("Manager\0")),
        with("two roles", || json!("Officer,Manager")),
        with("a role with a look-alike letter", || json!("M\u{430}nager")),
        with("a role of full width", || json!("\u{ff2d}anager")),
        with("a role with a zero-width space", || json!("Mana\u{200b}ger")),
        with("a star as role", || json!("*")),
        with("a rule as role", || json!("read_only")),
        with("a tool as role", || json!("get_time")),
        token("T11", "a scope in place of a role", Expected::NotPermitted, |forge| {
            forge.signed(json!({ "job_role": null, "scope": "Manager get_time *" }))
        }),
        token("T11", "roles in place of job_role", Expected::NotPermitted, |forge| {
            forge.signed(json!({ "job_role": null, "roles": ["Manager"] }))
        }),
    ]
}

/// Bob's claims under a changed header, signed as the server's own issuer would.
fn under(forge: &Forge, changes: Value) -> String {
    forge.own.sign(&forge.header_with(changes), &forge.claims.to_string())
}

/// The same with one member more, as text, before the others.
fn under_text(forge: &Forge, member: &str) -> String {
    forge.own.sign(&with_member(&forge.header.to_string(), member), &forge.claims.to_string())
}

fn with_member(object: &str, member: &str) -> String {
    object.replacen('{', &format!("{{{member},"), 1)
}
