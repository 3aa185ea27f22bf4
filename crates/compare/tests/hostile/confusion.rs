//! T35: one request, two readings. Whatever a header says and however the body is written, a
//! tool that is not permitted does not run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use compare::{Kind, Side};
use serde_json::json;

use super::attack::{Attack, Expected, attack, script};
use super::raw::{Raw, call_body};
use super::sessions::Session;

/// JSON-RPC codes of MCP and of JSON-RPC itself.
const HEADER_MISMATCH: Option<i64> = Some(-32020);
const UNSUPPORTED_VERSION: Option<i64> = Some(-32022);
const INVALID_PARAMS: Option<i64> = Some(-32602);
const METHOD_NOT_FOUND: Option<i64> = Some(-32601);

/// The member by which a call says which tool it means.
const NAME: &str = r#""name":"get_time""#;

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    let mut rows = lying_headers();
    rows.extend(older_clients());
    rows.extend(versions());
    rows.extend(doubled());
    rows.extend(nearly_a_name());
    rows.extend(not_one_message());
    rows
}

/// The header names a tool that bob may call, the body one that he may not, and the reverse.
fn lying_headers() -> Vec<Attack> {
    let refused = |name: &'static str, change: fn(Raw) -> Raw| {
        attack("T35", name, Expected::NotPermitted, move |side, _| {
            let raw = Raw::call(side).body(call_body(side, side.refused_tool));
            change(raw).present(&side.bob)
        })
    };
    let mismatch = |name: &'static str, change: fn(&Side, Raw) -> Raw| {
        attack("T35", name, Expected::Mcp(400, HEADER_MISMATCH), move |side, _| {
            change(side, Raw::call(side)).present(&side.bob)
        })
    };
    vec![
        refused("Mcp-Name: a permitted tool", |raw| raw),
        refused("Mcp-Name: a permitted tool in base64", |raw| {
            raw.set("mcp-name", sentinel("get_time"))
        }),
        refused("Mcp-Name missing, the tool not permitted", |raw| raw.without("mcp-name")),
        refused("Mcp-Method: tools/list", |raw| raw.set("mcp-method", "tools/list")),
        refused("Mcp-Method: ping", |raw| raw.set("mcp-method", "ping").without("mcp-name")),
        refused("Mcp-Method missing, the tool not permitted", |raw| raw.without("mcp-method")),
        refused("Content-Type in capitals", |raw| raw.set("content-type", "APPLICATION/JSON")),
        refused("Content-Type with another charset", |raw| {
            raw.set("content-type", "application/json; charset=utf-16")
        }),
        refused("another method in X-HTTP-Method-Override", |raw| {
            raw.with("x-http-method-override", "GET")
        }),
        mismatch("Mcp-Name: a tool not permitted", |side, raw| {
            raw.set("mcp-name", side.refused_tool)
        }),
        mismatch("Mcp-Name: a tool not permitted, in base64", |side, raw| {
            raw.set("mcp-name", sentinel(side.refused_tool))
        }),
        mismatch("Mcp-Name: no base64 where it says so", |_, raw| {
            raw.set("mcp-name", "=?base64?***?=")
        }),
        mismatch("Mcp-Name: another case", |_, raw| raw.set("mcp-name", "Get_Time")),
        mismatch("Mcp-Name missing", |_, raw| raw.without("mcp-name")),
        mismatch("Mcp-Method missing", |_, raw| raw.without("mcp-method")),
        mismatch("Mcp-Method: another case", |_, raw| raw.set("mcp-method", "Tools/Call")),
        mismatch("Mcp-Method: another method", |_, raw| raw.set("mcp-method", "tools/list")),
        attack("T35", "two Mcp-Names", Expected::Refused(400), |side, _| {
            Raw::call(side).with("mcp-name", "get_time").present(&side.bob)
        }),
        attack("T35", "two Mcp-Methods", Expected::Refused(400), |side, _| {
            Raw::call(side).with("mcp-method", "tools/call").present(&side.bob)
        }),
        attack("T35", "two Content-Types", Expected::Refused(400), |side, _| {
            Raw::call(side).with("content-type", "text/plain").present(&side.bob)
        }),
        attack("T35", "Mcp-Name in base64, as it is", Expected::Passed, |side, _| {
            Raw::call(side).set("mcp-name", sentinel("get_time")).present(&side.bob)
        }),
    ]
}

/// Older clients' headers are compared with nothing, so nothing is believed of them.
fn older_clients() -> Vec<Attack> {
    let in_session = |name: &'static str, change: fn(Raw) -> Raw| {
        script("T35", name, Expected::NotPermitted, async move |side, _| {
            let session = Session::open(side, &side.bob).await?;
            let call = change(session.call_of(side.refused_tool)).present(&side.bob);
            let answer = call.send(side).await;
            session.is_alive().await?;
            session.end().await?;
            Ok(answer)
        })
    };
    vec![
        in_session("older: a tool not permitted", |raw| raw),
        in_session("older: Mcp-Name: a permitted tool", |raw| raw.with("mcp-name", "get_time")),
        in_session("older: Mcp-Method: tools/list", |raw| raw.with("mcp-method", "tools/list")),
        in_session("older: no version", |raw| raw.without("mcp-protocol-version")),
        in_session("older: a version of 2024", |raw| raw.set("mcp-protocol-version", "2024-11-05")),
        attack("T35", "older, without a session", Expected::NotPermitted, |side, _| {
            Raw::call_of(side, side.refused_tool)
                .set("mcp-protocol-version", "2025-11-25")
                .present(&side.bob)
        }),
    ]
}

fn versions() -> Vec<Attack> {
    let call = |name: &'static str, code, change: fn(Raw) -> Raw| {
        attack("T35", name, Expected::Mcp(400, code), move |side, _| {
            change(Raw::call(side)).present(&side.bob)
        })
    };
    let without_meta = |raw: Raw| {
        raw.body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_time"}}"#)
    };
    vec![
        call("a header of 2025 over a body of 2026", HEADER_MISMATCH, |raw| {
            raw.set("mcp-protocol-version", "2025-11-25")
        }),
        call("no version over a body of 2026", HEADER_MISMATCH, |raw| {
            raw.without("mcp-protocol-version")
        }),
        attack(
            "T35",
            "a header of 2026 over a body of 2025",
            Expected::Mcp(400, INVALID_PARAMS),
            move |side, _| without_meta(Raw::call(side)).present(&side.bob),
        ),
        attack("T35", "a version that there is not", Expected::Mcp(400, UNSUPPORTED_VERSION), {
            |side, _| {
                let body = call_body(side, "get_time").replace("2026-07-28", "2099-01-01");
                let raw = Raw::call(side).set("mcp-protocol-version", "2099-01-01");
                raw.body(body).present(&side.bob)
            }
        }),
        attack("T35", "two versions", Expected::Refused(400), |side, _| {
            Raw::call(side).with("mcp-protocol-version", "2025-11-25").present(&side.bob)
        }),
    ]
}

/// What is there twice is read by one parser so and by another so.
fn doubled() -> Vec<Attack> {
    let body = |name: &'static str, edit: fn(&Side, String) -> String| {
        attack("T35", name, Expected::Refused(400), move |side, _| {
            let body = edit(side, call_body(side, "get_time"));
            Raw::call(side).body(body).present(&side.bob)
        })
    };
    vec![
        body("name twice, the permitted one last", |side, body| {
            body.replace(NAME, &format!(r#""name":"{}",{NAME}"#, side.refused_tool))
        }),
        body("name twice, the permitted one first", |side, body| {
            body.replace(NAME, &format!(r#"{NAME},"name":"{}""#, side.refused_tool))
        }),
        body("name twice, once in an escape", |side, body| {
            body.replace(NAME, &format!(r#"{NAME},"n\u0061me":"{}""#, side.refused_tool))
        }),
        body("name twice, the same", |_, body| body.replace(NAME, &format!("{NAME},{NAME}"))),
        body("method twice", |_, body| {
            body.replace(r#""method":"#, r#""method":"tools/list","method":"#)
        }),
        body("params twice", |side, body| {
            let params = json!({ "name": side.refused_tool, "arguments": {} });
            body.replacen('{', &format!(r#"{{"params":{params},"#), 1)
        }),
        body("id twice", |_, body| body.replacen('{', r#"{"id":7,"#, 1)),
    ]
}

/// Names of tools are compared byte by byte. The handler says that there is no such tool.
fn nearly_a_name() -> Vec<Attack> {
    let called = |name: &'static str, edit: fn(&str) -> String| {
        let unknown = Expected::Mcp(200, INVALID_PARAMS);
        attack("T35", format!("a tool's name {name}"), unknown, move |side, _| {
            let tool = edit(side.refused_tool);
            let body = call_body(side, "get_time").replace("get_time", &tool);
            let raw = Raw::call(side).body(body).set("mcp-name", sentinel(&unescaped(&tool)));
            raw.present(&side.bob)
        })
    };
    vec![
        called("in capitals", str::to_uppercase),
        called("with a space before", |tool| format!(" {tool}")),
        called("with a space behind", |tool| format!("{tool} ")),
        called("with a line end behind", |tool| format!(r"{tool}\n")),
        called("with a NUL behind", |tool| format!(r"{tool}\u0000")),
        called("with a zero-width space", |tool| format!("{tool}\u{200b}")),
        called("with a look-alike letter", |tool| tool.replacen('m', "\u{43c}", 1)),
        called("with a path before", |tool| format!("/{tool}")),
        called("with an area before", |tool| format!("tools.{tool}")),
        called("that is a pattern", |tool| format!("{}*", &tool[..4])),
        called("that is empty", |_| String::new()),
        attack("T35", "a tool's name in escapes", Expected::NotPermitted, |side, _| {
            let escaped: String =
                side.refused_tool.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
            let body = call_body(side, "get_time").replace("get_time", &escaped);
            Raw::call_of(side, side.refused_tool).body(body).present(&side.bob)
        }),
    ]
}

/// What is not one JSON-RPC message is refused by the MCP service, and runs nothing.
fn not_one_message() -> Vec<Attack> {
    let body = |name: &'static str, expected, edit: fn(String) -> Vec<u8>| {
        attack("T35", name, expected, move |side, _| {
            let body = edit(call_body(side, side.refused_tool));
            Raw::call_of(side, side.refused_tool).body(body).present(&side.bob)
        })
    };
    let method = |method: &'static str, status, code| {
        let none = Expected::Mcp(status, code);
        attack("T35", format!("the method {method:?}"), none, move |side, _| {
            let body = call_body(side, side.refused_tool).replace("tools/call", method);
            let raw = Raw::call(side).without("mcp-name").set("mcp-method", method);
            raw.body(body).present(&side.bob)
        })
    };
    let unread = Expected::Mcp(415, None);
    vec![
        body("a batch of one call", unread, |body| format!("[{body}]").into()),
        body("a batch of many calls", unread, |body| format!("[{body},{body}]").into()),
        body("an empty batch", unread, |_| "[]".into()),
        body("two messages", unread, |body| format!("{body}{body}").into()),
        body("two lines", unread, |body| format!("{body}\n{body}").into()),
        body("a message cut off", unread, |body| body[..body.len() - 1].into()),
        body("a byte order mark", unread, |body| format!("\u{feff}{body}").into()),
        body("UTF-16", unread, |body| body.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        body("a comment", unread, |body| format!("/**/{body}").into()),
        body("not UTF-8 in the name", unread, |body| {
            // Members are sorted, and so the tool's name is the last of that name.
            let at = body.rfind("\"name\":\"").unwrap() + 8;
            [&body.as_bytes()[..at], b"\xff", &body.as_bytes()[at..]].concat()
        }),
        body("nothing", unread, |_| Vec::new()),
        body("null", unread, |_| "null".into()),
        body("nested without an end", unread, |_| "[".repeat(100_000).into()),
        method("tools/Call", 404, METHOD_NOT_FOUND),
        method("TOOLS/CALL", 404, METHOD_NOT_FOUND),
        method("tools.call", 404, METHOD_NOT_FOUND),
        method("", 404, METHOD_NOT_FOUND),
        // HTTP takes the space from the header, and so the two differ.
        method("tools/call ", 400, HEADER_MISMATCH),
        method(" tools/call", 400, HEADER_MISMATCH),
    ]
}

/// A header value that says that it is base64 (MCP 2026-07-28, Streamable HTTP).
fn sentinel(name: &str) -> String {
    format!("=?base64?{}?=", STANDARD.encode(name))
}

/// What JSON reads where it reads these escapes.
fn unescaped(text: &str) -> String {
    text.replace(r"\n", "\n").replace(r"\u0000", "\0")
}
