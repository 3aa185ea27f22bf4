//! T24, T25: what is asked for at the token endpoint of the scheme that has one. The client is
//! right, and the request is not.

use compare::Kind;

use super::attack::{Attack, Expected, attack};
use super::endpoint::{BAD_GRANT, BAD_REQUEST, BAD_SCOPE, BAD_TARGET, GRANT, form, in_body};
use super::forge::Client;
use super::raw::Raw;

pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    if kind != Kind::Jwt {
        return Vec::new();
    }
    let mut rows = forms();
    rows.extend(types());
    rows.extend(scopes());
    rows.extend(resources());
    rows
}

/// T24: a form, and each parameter once.
fn forms() -> Vec<Attack> {
    let twice = |name: &'static str, more: &'static str| {
        form("T24", name, BAD_REQUEST, move |forge| {
            format!("{GRANT}&{}&{more}", in_body(&forge.client))
        })
    };
    let typed = |name: &'static str, value: &'static str| {
        attack("T24", name, BAD_REQUEST, move |side, forge| {
            let body = format!("{GRANT}&{}", in_body(&forge.client));
            Raw::form(side, "/token", &body).set("content-type", value)
        })
    };
    let method = |method: &'static str| {
        let expected = Expected::OAuth(405, "invalid_request");
        attack("T24", format!("{method} /token"), expected, move |side, forge| {
            let target = format!("/token?{GRANT}&{}", in_body(&forge.client));
            Raw::to(side, method, &target)
        })
    };
    vec![
        twice("grant_type twice", GRANT),
        twice("another grant_type", "grant_type=password"),
        twice("client_id twice", "client_id=nobody"),
        twice("client_secret twice", "client_secret=wrong"),
        twice("scope twice", "scope=weather:read&scope=payments:read"),
        twice("an empty scope and one", "scope=&scope=weather:read"),
        twice("what nobody reads twice", "x=1&x=2"),
        twice("grant_type twice, once in an escape", "grant%5Ftype=client_credentials"),
        attack("T24", "JSON", BAD_REQUEST, |side, forge| {
            let body = json(&forge.client);
            Raw::form(side, "/token", &body).set("content-type", "application/json")
        }),
        attack("T24", "JSON that calls itself a form", BAD_REQUEST, |side, forge| {
            Raw::form(side, "/token", &json(&forge.client))
        }),
        attack("T24", "no Content-Type", BAD_REQUEST, |side, forge| {
            let body = format!("{GRANT}&{}", in_body(&forge.client));
            Raw::form(side, "/token", &body).without("content-type")
        }),
        attack("T24", "two Content-Types", Expected::Refused(400), |side, forge| {
            let body = format!("{GRANT}&{}", in_body(&forge.client));
            Raw::form(side, "/token", &body).with("content-type", "application/json")
        }),
        typed("plain text", "text/plain"),
        typed("a form with files", "multipart/form-data; boundary=x"),
        typed("nearly a form", "application/x-www-form-urlencodedx"),
        typed("two types in one", "application/x-www-form-urlencoded, application/json"),
        attack("T24", "nothing", BAD_REQUEST, |side, _| Raw::form(side, "/token", "")),
        attack("T24", "not UTF-8", BAD_REQUEST, |side, forge| {
            let body = format!("{GRANT}&{}&scope=%ff%fe", in_body(&forge.client));
            Raw::form(side, "/token", &body)
        }),
        attack("T24", "17 KiB", Expected::OAuth(413, "invalid_request"), |side, forge| {
            let body = format!("{GRANT}&{}&x={}", in_body(&forge.client), "x".repeat(17 * 1024));
            Raw::form(side, "/token", &body)
        }),
        attack("T24", "64 GiB announced", Expected::OAuth(413, "invalid_request"), |side, _| {
            Raw::form(side, "/token", "").announced(64 << 30)
        }),
        method("GET"),
        method("PUT"),
        method("DELETE"),
        method("GARBAGE"),
        attack("T24", "an override of the method", Expected::OAuth(405, "invalid_request"), {
            |side, forge| {
                let target = format!("/token?{GRANT}&{}", in_body(&forge.client));
                Raw::to(side, "GET", &target).with("x-http-method-override", "POST")
            }
        }),
    ]
}

/// T24: one grant is offered.
fn types() -> Vec<Attack> {
    let grant = |grant: &'static str| {
        form("T24", format!("grant_type {grant:?}"), BAD_GRANT, move |forge| {
            format!("grant_type={grant}&{}", in_body(&forge.client))
        })
    };
    let mut rows = vec![
        form("T24", "no grant_type", BAD_REQUEST, |forge| in_body(&forge.client)),
        form("T24", "an empty grant_type", BAD_REQUEST, |forge| {
            format!("grant_type=&{}", in_body(&forge.client))
        }),
    ];
    rows.extend(
        [
            "authorization_code",
            "password",
            "refresh_token",
            "implicit",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:device_code",
            "CLIENT_CREDENTIALS",
            "client_credentials%20",
            "%20client_credentials",
            "client_credentials%00",
        ]
        .map(grant),
    );
    rows
}

/// T25: no more than the client has, and a form that RFC 6749 §3.3 allows.
fn scopes() -> Vec<Attack> {
    let scope = |name: &'static str, scope: &'static str| {
        form("T25", format!("scope: {name}"), BAD_SCOPE, move |forge| {
            format!("{GRANT}&{}&scope={scope}", in_body(&forge.client))
        })
    };
    vec![
        scope("one that the client has not", "shopping:remove"),
        scope("one that it has and one that it has not", "weather:read+shopping:remove"),
        scope("one that there is not", "admin"),
        scope("all", "*"),
        scope("all of an area", "weather:*"),
        scope("in capitals", "WEATHER:READ"),
        scope("with a comma between", "weather:read,payments:read"),
        scope("with two spaces between", "weather:read++payments:read"),
        scope("with a space before", "+weather:read"),
        scope("with a space behind", "weather:read+"),
        scope("a space alone", "+"),
        scope("with a tab between", "weather:read%09payments:read"),
        scope("with line ends", "weather:read%0d%0aset-cookie:%20a%3Db"),
        scope("with a NUL", "weather:read%00"),
        scope("in quotes", "%22weather:read%22"),
        scope("with a look-alike letter", "we%D0%B0ther:read"),
        scope("offline_access", "offline_access"),
    ]
}

/// T25: a token is for this server alone (RFC 8707 §2).
fn resources() -> Vec<Attack> {
    let resource = |name: &'static str, expected, resource: fn(&str) -> String| {
        attack("T25", format!("resource: {name}"), expected, move |side, forge| {
            let body = format!("{GRANT}&{}&{}", in_body(&forge.client), resource(&side.url));
            Raw::form(side, "/token", &body)
        })
    };
    let one = |name, value: fn(&str) -> String| resource(name, BAD_TARGET, value);
    vec![
        one("another server", |_| "resource=https://evil.example/mcp".into()),
        one("a fragment", |url| format!("resource={url}%23x")),
        one("an empty fragment", |url| format!("resource={url}%23")),
        one("a query", |url| format!("resource={url}?x")),
        one("a slash behind", |url| format!("resource={url}/")),
        one("another path", |url| format!("resource={}", url.replace("/mcp", "/MCP"))),
        one("a relative path", |_| "resource=/mcp".into()),
        one("no scheme", |url| format!("resource={}", url.replace("http:", ""))),
        one("another scheme", |url| format!("resource={}", url.replace("http:", "https:"))),
        one("another port", |_| "resource=http://127.0.0.1:1/mcp".into()),
        one("a user", |url| format!("resource={}", url.replace("//", "//bob@"))),
        one("dots in the path", |url| format!("resource={}", url.replace("/mcp", "/x/../mcp"))),
        one("an escape in the path", |url| format!("resource={}", url.replace("mcp", "%256dcp"))),
        one("a word", |_| "resource=mcp".into()),
        one("line ends", |url| format!("resource={url}%0d%0aset-cookie:%20a%3Db")),
        one("ours and another", |url| format!("resource={url}&resource=https://evil.example")),
        one("another and ours", |url| format!("resource=https://evil.example&resource={url}")),
        resource("ours twice", Expected::Harmless(200), |url| {
            format!("resource={url}&resource={url}")
        }),
        resource("ours in capitals, as far as they do not count", Expected::Harmless(200), |url| {
            format!("resource={}", url.replace("http:", "HTTP:"))
        }),
    ]
}

fn json(client: &Client) -> String {
    serde_json::json!({
        "grant_type": "client_credentials",
        "client_id": client.id,
        "client_secret": client.secret,
    })
    .to_string()
}
