//! T38: other spellings of the path. What some program or other would take for `/mcp` asks for a
//! credential, and then is nothing; any other path is nothing for everybody.

use compare::Kind;

use super::attack::{Attack, Expected, INVALID, NOTHING, attack};
use super::raw::Raw;

/// Below `/mcp`, however it is written.
const BELOW: [&str; 8] =
    ["/mcp/", "/mcp//", "/mcp/x", "/mcp/x/y", "/mcp/..", "/mcp/.", "/mcp/%2e%2e/x", "/mcp/mcp"];

/// What some proxy or file system would take for `/mcp`, or for something below it.
const DISGUISED: [&str; 17] = [
    "//mcp",
    "///mcp",
    "/./mcp",
    "/x/../mcp",
    "/x/..%2fmcp",
    "/MCP",
    "/Mcp",
    "/%6dcp",
    "/%6d%63%70",
    "/mcp%2fx",
    "/mcp%00",
    "/mcp%20",
    "/mcp;x=1",
    "/mcp.json",
    "/mcp,x",
    "/mcp%2500",
    "/healthz/../mcp",
];

/// Names of their own.
const BESIDE: [&str; 2] = ["/mcpx", "/mcp-x"];

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    let mut rows = Vec::new();
    for path in BELOW.into_iter().chain(DISGUISED) {
        rows.push(attack("T38", format!("{path} without a credential"), NOTHING, {
            move |side, _| Raw::call(side).target(path)
        }));
        rows.push(attack("T38", format!("{path} with a wrong one"), INVALID, {
            move |side, _| Raw::call(side).target(path).present(&side.wrong)
        }));
        rows.push(attack("T38", format!("{path} with a good one"), Expected::Nowhere, {
            move |side, _| Raw::call(side).target(path).present(&side.bob)
        }));
    }
    for path in BESIDE {
        rows.push(attack("T38", format!("{path} without a credential"), Expected::Nowhere, {
            move |side, _| Raw::call(side).target(path)
        }));
        rows.push(attack("T38", format!("{path} with a good one"), Expected::Nowhere, {
            move |side, _| Raw::call(side).target(path).present(&side.bob)
        }));
    }
    rows.extend([
        attack("T38", "/mcp and a query", NOTHING, |side, _| Raw::call(side).query("x")),
        attack("T38", "/mcp and an empty query", NOTHING, |side, _| Raw::call(side).query("")),
        attack("T38", "/mcp and a fragment", NOTHING, |side, _| {
            Raw::call(side).target("/mcp#/healthz")
        }),
        attack("T38", "/mcp?x with a good one", Expected::Passed, |side, _| {
            Raw::call(side).query("x").present(&side.bob)
        }),
        // Such a target is a host, and not this one.
        attack("T38", "a target without a slash", Expected::Refused(403), |side, _| {
            Raw::call(side).target("mcp").present(&side.bob)
        }),
        attack("T38", "a backslash", Expected::Bare(400), |side, _| {
            Raw::call(side).target("\\mcp").present(&side.bob)
        }),
        attack("T38", "OPTIONS of everything", Expected::Nowhere, |side, _| {
            Raw::to(side, "OPTIONS", "*")
        }),
    ]);
    rows
}
