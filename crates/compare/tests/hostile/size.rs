//! T19, T33, T38: how much is read before it is known who calls, and what a stranger learns from
//! the order in which things are refused.

use compare::{Kind, Side};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::attack::{Attack, Expected, INVALID, MALFORMED, NOTHING, Outcome, attack, script};
use super::forge::Forge;
use super::raw::{Raw, call_body};

/// The longest credential, all headers together, and the longest body.
const CREDENTIAL: usize = 8 * 1024;
const HEADERS: usize = 32 * 1024;
const BODY: u64 = 4 * 1024 * 1024;
/// Large bodies of one caller that are on their way at a time.
const LARGE: usize = 16;

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    let mut rows = credentials();
    rows.extend(headers());
    rows.extend(methods());
    rows.extend(before_all_else());
    rows.extend(bodies());
    rows
}

/// T19: judged by length before anything is decoded.
fn credentials() -> Vec<Attack> {
    let too_large = Expected::Refused(431);
    let bearer = |name: &'static str, expected, value: fn() -> Vec<u8>| {
        attack("T19", name, expected, move |side, _| {
            Raw::call(side).with("authorization", [&b"Bearer "[..], &value()].concat())
        })
    };
    vec![
        bearer("a token of 8 KiB that is none", INVALID, || vec![b'a'; CREDENTIAL - 7]),
        bearer("a token of 8 KiB and a byte", too_large, || vec![b'a'; CREDENTIAL + 1]),
        bearer("16 KiB that are not ASCII", too_large, || vec![0xff; 2 * CREDENTIAL]),
        bearer("three long parts", too_large, || {
            let part = "e".repeat(CREDENTIAL / 2);
            format!("{part}.{part}.{part}").into()
        }),
        attack("T19", "an API key of 8 KiB and a byte", too_large, |side, _| {
            Raw::call(side).with("x-api-key", "a".repeat(CREDENTIAL + 1))
        }),
        attack("T19", "a good credential beside a long one", MALFORMED, |side, _| {
            Raw::call(side).present(&side.bob).with(other_header(side), "a".repeat(CREDENTIAL + 1))
        }),
    ]
}

/// T19: all headers together, whoever calls.
fn headers() -> Vec<Attack> {
    let padded = |name: &'static str, expected, known: bool, count: usize, each: usize| {
        attack("T19", name, expected, move |side, _| {
            let raw = (0..count).fold(Raw::call(side), |raw, n| {
                raw.with(&format!("x-padding-{n}"), "p".repeat(each))
            });
            if known { raw.present(&side.bob) } else { raw }
        })
    };
    let too_large = Expected::Refused(431);
    vec![
        padded("32 KiB in one header", too_large, true, 1, HEADERS),
        padded("32 KiB in one header, no credential", too_large, false, 1, HEADERS),
        padded("64 headers of 600 bytes", too_large, true, 64, 600),
        padded("600 KiB in one header", Expected::Bare(431), true, 1, 600 * 1024),
        padded("150 headers", Expected::Bare(431), true, 150, 1),
        attack("T19", "a target of 70 KiB", Expected::Bare(414), |side, _| {
            Raw::call(side).query(&"q".repeat(70 * 1024)).present(&side.bob)
        }),
    ]
}

/// T38: a stranger does not learn which methods there are.
fn methods() -> Vec<Attack> {
    let with = |method: &'static str, expected| {
        attack("T38", format!("{method} without a credential"), expected, move |side, _| {
            Raw::call(side).method(method)
        })
    };
    let mut rows: Vec<_> =
        ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "GARBAGE"]
            .into_iter()
            .map(|method| with(method, NOTHING))
            .collect();
    rows.extend([
        with("HEAD", Expected::Bare(401)),
        attack("T38", "a preflight of this machine's", NOTHING, |side, _| {
            // No page was named, so there is nothing to preflight.
            Raw::to(side, "OPTIONS", "/mcp")
                .with("origin", side.origin())
                .with("access-control-request-method", "POST")
        }),
        attack("T38", "GET as the client of rmcp looks around", NOTHING, |side, _| {
            Raw::to(side, "GET", "/mcp").with("mcp-protocol-version", "2024-11-05")
        }),
    ]);
    rows
}

/// T38: without a credential nothing else that is wrong is noticed.
fn before_all_else() -> Vec<Attack> {
    let changed = |name: &'static str, expected, change: fn(Raw) -> Raw| {
        attack("T38", name, expected, move |side, _| change(Raw::call(side)))
    };
    vec![
        changed("accepts HTML alone", NOTHING, |raw| raw.set("accept", "text/html")),
        changed("accepts nothing", NOTHING, |raw| raw.without("accept")),
        changed("sends XML", NOTHING, |raw| raw.set("content-type", "application/xml")),
        changed("sends no type", NOTHING, |raw| raw.without("content-type")),
        changed("sends what is not JSON", NOTHING, |raw| raw.body("{")),
        changed("sends nothing", NOTHING, |raw| raw.body("")),
        changed("sends a batch", NOTHING, |raw| raw.body("[]")),
        changed("a version that there is not", NOTHING, |raw| {
            raw.set("mcp-protocol-version", "1999-01-01")
        }),
        changed("headers that contradict the body", NOTHING, |raw| raw.set("mcp-name", "x")),
        changed("a session that there is not", NOTHING, |raw| raw.with("mcp-session-id", "x")),
        changed("4 MiB are announced and not sent", NOTHING, |raw| raw.announced(BODY)),
        changed("64 GiB are announced and not sent", NOTHING, |raw| raw.announced(64 << 30)),
        changed("a body that never ends", NOTHING, |raw| raw.unfinished("{")),
        changed("waits for 100 Continue", NOTHING, |raw| {
            raw.with("expect", "100-continue").announced(BODY)
        }),
        changed("a wrong credential before 4 MiB", INVALID, |raw| {
            raw.bearer("not-a-credential").announced(BODY)
        }),
        changed("two credentials before 4 MiB", MALFORMED, |raw| {
            raw.bearer("not-a-credential").with("x-api-key", "another").announced(BODY)
        }),
    ]
}

/// T38: who is known learns it before it is sent, where the length says it.
fn bodies() -> Vec<Attack> {
    let known = |name: &'static str, expected, change: fn(Raw) -> Raw| {
        attack("T38", name, expected, move |side, _| change(Raw::call(side).present(&side.bob)))
    };
    let too_large = Expected::Refused(413);
    vec![
        known("4 MiB and a byte are announced", too_large, |raw| raw.announced(BODY + 1)),
        known("64 GiB are announced", too_large, |raw| raw.announced(64 << 30)),
        known("4 MiB and a byte in chunks", too_large, |raw| {
            raw.unfinished(vec![b' '; BODY as usize + 1])
        }),
        known("a length that is no number", Expected::Bare(400), |raw| {
            raw.with("content-length", "four")
        }),
        known("two lengths that differ", Expected::Bare(400), |raw| {
            raw.with("content-length", "1").with("content-length", "2")
        }),
        script("T33", "large bodies that never come", Expected::Refused(503), never_come),
    ]
}

/// T33: bob's fill no memory, and alice's are taken meanwhile.
async fn never_come(side: &Side, _: &Forge) -> Outcome {
    let large =
        || Raw::call(side).present(&side.bob).with("expect", "100-continue").announced(BODY);
    let mut waiting = Vec::new();
    for _ in 0..LARGE {
        let mut socket = large().open(side).await;
        until_asked_for(&mut socket).await?;
        waiting.push(socket);
    }
    let refused = large().send(side).await;
    let body = call_body(side, "get_time");
    let padded = format!("{}{body}", " ".repeat(100 * 1024));
    let small = Raw::call(side).present(&side.bob).send(side).await;
    let other = Raw::call(side).present(&side.alice).body(padded).send(side).await;
    for (answer, whose) in [(small, "bob's small"), (other, "alice's large")] {
        if answer.status != 200 {
            return Err(format!("{whose} body is refused too: {}", answer.whole()));
        }
    }
    drop(waiting);
    Ok(refused)
}

/// A server asks for a body by `100 Continue` when it begins to read it (RFC 9110 §10.1.1).
async fn until_asked_for(socket: &mut TcpStream) -> Result<(), String> {
    let mut line = [0; 12];
    socket.read_exact(&mut line).await.map_err(|error| error.to_string())?;
    match &line {
        b"HTTP/1.1 100" => Ok(()),
        other => Err(String::from_utf8_lossy(other).into_owned()),
    }
}

/// The header for credentials that this scheme's clients do not use.
fn other_header(side: &Side) -> &'static str {
    if side.kind == Kind::ApiKey { "authorization" } else { "x-api-key" }
}
