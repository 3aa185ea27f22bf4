//! T34, T39, T44: under which name a server is called, and by whose pages.

use compare::{Kind, Side};

use super::attack::{Attack, Expected, NOTHING, attack, script};
use super::raw::{Raw, host};

const FOREIGN: &str = "evil.example";
const PAGE: &str = "https://evil.example";
const DOCUMENT: &str = "/.well-known/oauth-protected-resource";

pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    let mut rows = hosts();
    rows.extend(origins());
    rows.extend(targets());
    rows.extend(other_routes(kind));
    rows.extend(documents(kind));
    rows
}

/// T34: DNS rebinding shows in `Host`.
fn hosts() -> Vec<Attack> {
    let named = |name: &'static str, host: fn(&Side) -> String| {
        attack("T34", format!("Host: {name}"), Expected::Refused(403), move |side, _| {
            Raw::call(side).set("host", host(side)).present(&side.bob)
        })
    };
    let known = |name: &'static str, expected, change: fn(&Side, Raw) -> Raw| {
        attack("T34", name, expected, move |side, _| {
            change(side, Raw::call(side).present(&side.bob))
        })
    };
    vec![
        named("another name", |_| FOREIGN.into()),
        named("another name and the right port", |side| {
            format!("{FOREIGN}:{}", host(side).split(':').nth(1).unwrap())
        }),
        named("the right name before another", |side| format!("{}.{FOREIGN}", host(side))),
        named("localhost before another", |_| format!("localhost.{FOREIGN}")),
        named("the right name behind another", |side| format!("{FOREIGN}.{}", host(side))),
        named("a user before the right name", |side| format!("bob@{}", host(side))),
        named("another as user", |side| format!("{FOREIGN}:80@{}", host(side))),
        named("a dot behind", |_| "127.0.0.1.".into()),
        named("two ports", |side| format!("{}:80", host(side))),
        named("a port that there is not", |_| "127.0.0.1:99999".into()),
        named("a path behind", |side| format!("{}/", host(side))),
        named("an address of another network", |_| "192.0.2.1".into()),
        named("this machine in one number", |_| "2130706433".into()),
        named("this machine in octal", |_| "0177.0.0.1".into()),
        named("every address", |_| "0.0.0.0".into()),
        named("the metadata of a cloud", |_| "169.254.169.254".into()),
        named("empty", |_| String::new()),
        known("two Hosts", Expected::Refused(400), |_, raw| raw.with("host", FOREIGN)),
        known("the right Host twice", Expected::Refused(400), |side, raw| {
            raw.with("Host", host(side))
        }),
        known("no Host", Expected::Refused(400), |_, raw| raw.without("host")),
        known("no Host in HTTP/1.0", Expected::Refused(400), |_, raw| {
            raw.without("host").http_1_0()
        }),
        known("a Host that is not ASCII", Expected::Refused(400), |side, raw| {
            raw.set("host", [host(side).as_bytes(), b"\xff"].concat())
        }),
        known("X-Forwarded-Host changes nothing", Expected::Passed, |_, raw| {
            raw.with("x-forwarded-host", FOREIGN).with("forwarded", format!("host={FOREIGN}"))
        }),
        known("X-Forwarded-Host mends nothing", Expected::Refused(403), |side, raw| {
            raw.set("host", FOREIGN).with("x-forwarded-host", host(side))
        }),
    ]
}

/// T34: whose page asks.
fn origins() -> Vec<Attack> {
    let from = |name: &'static str, origin: fn(&Side) -> String| {
        attack("T34", format!("Origin: {name}"), Expected::Refused(403), move |side, _| {
            Raw::call(side).with("origin", origin(side)).present(&side.bob)
        })
    };
    vec![
        from("another page", |_| PAGE.into()),
        from("null", |_| "null".into()),
        from("empty", |_| String::new()),
        from("the right name before another", |side| format!("{}.{FOREIGN}", side.origin())),
        from("localhost before another", |_| format!("http://localhost.{FOREIGN}")),
        from("a user before the right name", |side| format!("http://bob@{}", host(side))),
        from("a file", |_| "file://localhost".into()),
        from("an extension", |_| "chrome-extension://localhost".into()),
        from("a name without a scheme", |side| host(side).to_owned()),
        from("a path behind", |side| format!("{}/", side.origin())),
        from("two in one", |side| format!("{} {PAGE}", side.origin())),
        from("two with a comma", |side| format!("{}, {PAGE}", side.origin())),
        attack("T34", "two Origins", Expected::Refused(400), |side, _| {
            let raw = Raw::call(side).with("origin", side.origin()).with("origin", PAGE);
            raw.present(&side.bob)
        }),
        attack("T34", "an Origin of this machine", Expected::Passed, |side, _| {
            Raw::call(side).with("origin", side.origin()).present(&side.bob)
        }),
    ]
}

/// T34: a target may name a host too, and then both count.
fn targets() -> Vec<Attack> {
    let absolute = |name: &'static str, expected, target: fn(&Side) -> String, other: bool| {
        attack("T34", name, expected, move |side, _| {
            let raw = Raw::call(side).target(target(side)).present(&side.bob);
            if other { raw.set("host", FOREIGN) } else { raw }
        })
    };
    let refused = Expected::Refused(403);
    vec![
        absolute("a target elsewhere", refused, |_| format!("http://{FOREIGN}/mcp"), false),
        absolute(
            "a target elsewhere, with its Host",
            refused,
            |_| format!("http://{FOREIGN}/mcp"),
            true,
        ),
        absolute("a target here, a Host elsewhere", refused, |side| side.url.clone(), true),
        absolute(
            "a target here with a user",
            refused,
            |side| format!("http://bob@{}/mcp", host(side)),
            false,
        ),
        absolute("a target here", Expected::Passed, |side| side.url.clone(), false),
        attack("T34", "a target here, and no credential", NOTHING, |side, _| {
            Raw::call(side).target(side.url.clone())
        }),
    ]
}

/// T34: every route but health is guarded alike.
fn other_routes(kind: Kind) -> Vec<Attack> {
    let mut paths = vec![("GET", "/mcp/x"), ("GET", "/nothing"), ("GET", DOCUMENT)];
    match kind {
        Kind::ApiKey => paths.push(("GET", "/items")),
        Kind::Jwt => paths.extend([
            ("POST", "/token"),
            ("GET", "/token"),
            ("POST", "/revoke"),
            ("GET", "/authorize"),
            ("GET", "/.well-known/oauth-authorization-server"),
        ]),
        Kind::Rbac => {}
    }
    paths.push(("GET", "/.well-known/oauth-protected-resource/mcp"));
    let mut rows = Vec::new();
    for (method, path) in paths {
        let row = |what: &str, expected, change: fn(Raw) -> Raw| {
            attack("T34", format!("{method} {path}: {what}"), expected, move |side, _| {
                change(Raw::to(side, method, path))
            })
        };
        rows.extend([
            row("another Host", Expected::Refused(403), |raw| raw.set("host", FOREIGN)),
            row("another Origin", Expected::Refused(403), |raw| raw.with("origin", PAGE)),
            row("Origin null", Expected::Refused(403), |raw| raw.with("origin", "null")),
            row("two Hosts", Expected::Refused(400), |raw| raw.with("host", FOREIGN)),
            row("two Origins", Expected::Refused(400), |raw| {
                raw.with("origin", PAGE).with("origin", "null")
            }),
        ]);
    }
    rows.push(attack("T34", "/healthz answers under every name", Expected::Harmless(200), {
        |side, _| Raw::to(side, "GET", "/healthz").set("host", FOREIGN)
    }));
    rows
}

/// T44: documents say what is configured, whatever a request says.
fn documents(kind: Kind) -> Vec<Attack> {
    let mut paths = vec![DOCUMENT, "/.well-known/oauth-protected-resource/mcp"];
    if kind == Kind::ApiKey {
        // There is no issuer that a client could be sent to.
        return paths
            .into_iter()
            .map(|path| {
                attack("T44", format!("{path} is not there"), Expected::Nowhere, move |side, _| {
                    Raw::to(side, "GET", path)
                })
            })
            .collect();
    }
    if kind == Kind::Jwt {
        paths.push("/.well-known/oauth-authorization-server");
    }
    let mut rows = Vec::new();
    for path in paths {
        for (what, change) in [
            ("X-Forwarded-Host", forwarded as fn(Raw) -> Raw),
            ("Forwarded", |raw| raw.with("forwarded", format!("host={FOREIGN};proto=https"))),
            ("another name of this machine", |raw| raw.set("host", "localhost:1")),
            ("a query", |raw| raw.query("resource=https://evil.example")),
        ] {
            let name = format!("{path}: {what}");
            rows.push(script("T44", name, Expected::Harmless(200), async move |side, _| {
                let plain = Raw::to(side, "GET", path).send(side).await;
                let answer = change(Raw::to(side, "GET", path)).send(side).await;
                let right =
                    plain.json()["resource"] == side.url || plain.json()["issuer"] == side.origin();
                if right && answer.body == plain.body && !answer.whole().contains(FOREIGN) {
                    return Ok(answer);
                }
                Err(format!("{} differs from {}", answer.whole(), plain.whole()))
            }));
        }
    }
    rows.push(script("T44", "the document is one", Expected::Harmless(200), async |side, _| {
        let root = Raw::to(side, "GET", DOCUMENT).send(side).await;
        let path = format!("{DOCUMENT}/mcp");
        let answer = Raw::to(side, "GET", &path).send(side).await;
        if root.body == answer.body { Ok(answer) } else { Err("there are two".to_owned()) }
    }));
    rows
}

fn forwarded(raw: Raw) -> Raw {
    raw.with("x-forwarded-host", FOREIGN).with("x-forwarded-proto", "https")
}
