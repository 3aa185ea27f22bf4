//! T34, T38: two things wrong at once. The one that is judged first answers, on every server
//! alike: sizes, doubled headers, host and origin, credential, session, permission.

use compare::{Kind, Side};

use super::attack::{Attack, Expected, INVALID, MALFORMED, NOTHING, attack, script};
use super::raw::{Raw, call_body};
use super::sessions::Session;

const FOREIGN: &str = "evil.example";
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    let mut rows = at_the_front();
    rows.extend(at_the_credential());
    rows.extend(behind_it());
    rows
}

fn at_the_front() -> Vec<Attack> {
    let first = |name: &'static str, status, change: fn(&Side, Raw) -> Raw| {
        attack("T38", name, Expected::Refused(status), move |side, _| change(side, Raw::call(side)))
    };
    vec![
        first("large headers, doubled ones and a foreign host", 431, |_, raw| {
            raw.with("x-padding", "p".repeat(32 * 1024)).with("mcp-name", "x").set("host", FOREIGN)
        }),
        first("doubled headers and a foreign host", 400, |_, raw| {
            raw.with("mcp-name", "x").set("host", FOREIGN)
        }),
        first("doubled headers and no credential", 400, |_, raw| raw.with("mcp-method", "x")),
        first("doubled headers and two credentials", 400, |side, raw| {
            raw.with("mcp-method", "x").present(&side.bob).present(&side.alice)
        }),
        first("a foreign host and no credential", 403, |_, raw| raw.set("host", FOREIGN)),
        first("a foreign host and a wrong credential", 403, |side, raw| {
            raw.set("host", FOREIGN).present(&side.wrong)
        }),
        first("a foreign host and a credential of 9 KiB", 403, |_, raw| {
            raw.set("host", FOREIGN).bearer(&"a".repeat(9 * 1024))
        }),
        first("a foreign host and an unknown session", 403, |side, raw| {
            raw.set("host", FOREIGN).present(&side.bob).with("mcp-session-id", UNKNOWN)
        }),
        first("a foreign host and an endless body", 403, |_, raw| {
            raw.set("host", FOREIGN).unfinished("{")
        }),
        first("a foreign origin and no credential", 403, |_, raw| {
            raw.with("origin", "https://evil.example")
        }),
        first("a preflight of a foreign page", 403, |_, raw| {
            raw.method("OPTIONS")
                .with("origin", "https://evil.example")
                .with("access-control-request-method", "POST")
        }),
        first("a foreign host and a method that there is not", 403, |_, raw| {
            raw.set("host", FOREIGN).method("GARBAGE")
        }),
    ]
}

fn at_the_credential() -> Vec<Attack> {
    let row = |name: &'static str, expected, change: fn(&Side, Raw) -> Raw| {
        attack("T38", name, expected, move |side, _| change(side, Raw::call(side)))
    };
    vec![
        row("no credential and an unknown path below", NOTHING, |_, raw| raw.target("/mcp/x")),
        row("no credential and a tool that is not permitted", NOTHING, |side, raw| {
            raw.body(call_body(side, side.refused_tool))
        }),
        row("a wrong credential and an unknown session", INVALID, |side, raw| {
            older(raw).present(&side.wrong).with("mcp-session-id", UNKNOWN)
        }),
        row("a wrong credential and a tool that is not permitted", INVALID, |side, raw| {
            raw.present(&side.wrong).body(call_body(side, side.refused_tool))
        }),
        row("two credentials and an unknown session", MALFORMED, |side, raw| {
            older(raw).present(&side.bob).present(&side.alice).with("mcp-session-id", UNKNOWN)
        }),
        row("an expired credential and an endless body", INVALID, |side, raw| {
            raw.present(&side.expired).unfinished("{")
        }),
    ]
}

fn behind_it() -> Vec<Attack> {
    let known = |name: &'static str, expected, change: fn(&Side, Raw) -> Raw| {
        attack("T38", name, expected, move |side, _| {
            change(side, Raw::call_of(side, side.refused_tool).present(&side.bob))
        })
    };
    vec![
        known("a large body and an unknown session", Expected::Refused(413), |_, raw| {
            older(raw).with("mcp-session-id", UNKNOWN).announced(64 << 20)
        }),
        known("an ambiguous body and an unknown session", Expected::Refused(400), |_, raw| {
            older(raw).with("mcp-session-id", UNKNOWN).body(r#"{"method":"a","method":"b"}"#)
        }),
        known(
            "an unknown session and a tool that is not permitted",
            Expected::Refused(404),
            |_, raw| older(raw).with("mcp-session-id", UNKNOWN),
        ),
        script(
            "T38",
            "another's session and a tool that is not permitted",
            Expected::Refused(404),
            async |side, _| {
                let session = Session::open(side, &side.bob).await?;
                let call = session.call_of(side.refused_tool).present(&side.alice);
                let answer = call.send(side).await;
                session.end().await?;
                Ok(answer)
            },
        ),
        known("a tool that is not permitted, accepting HTML", Expected::NotPermitted, |_, raw| {
            raw.set("accept", "text/html")
        }),
        known("a tool that is not permitted, in XML", Expected::NotPermitted, |_, raw| {
            raw.set("content-type", "application/xml")
        }),
    ]
}

/// The request under the name of a version that has sessions.
fn older(raw: Raw) -> Raw {
    raw.set("mcp-protocol-version", "2025-11-25")
}
