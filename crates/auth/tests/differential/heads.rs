//! The headers of both generations of clients, and what liars put into them.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use proptest::sample::select;

use super::bodies::{Body, CLOSED, OPEN};

/// What a client from before 2026-07-28 sends as `_meta`: nothing that matters.
pub(crate) const OLDER: &str = "{}";

/// The headers by which the protocol is negotiated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) version: Option<&'static str>,
    pub(crate) method: Option<&'static str>,
    pub(crate) name: Option<&'static str>,
    /// Whether it is sent in the session that is open.
    pub(crate) session: bool,
}

/// `closed` and `open` as a header holds what is no header value (MCP 2026-07-28, Streamable
/// HTTP).
const ENCODED: [&str; 2] = ["=?base64?Y2xvc2Vk?=", "=?base64?b3Blbg==?="];

impl Head {
    /// A call of this tool by a client of 2026-07-28.
    pub(crate) fn modern(name: &'static str) -> Self {
        Self {
            version: Some("2026-07-28"),
            method: Some("tools/call"),
            name: Some(name),
            session: false,
        }
    }

    /// A client of 2025-11-25.
    pub(crate) fn older() -> Self {
        Self { version: Some("2025-11-25"), ..Self::default() }
    }

    /// The same head with the name that the body has, where it has one of the two.
    pub(crate) fn honest(self, body: &Body) -> Self {
        let said: serde_json::Value = serde_json::from_slice(&body.0).unwrap_or_default();
        let name = [OPEN, CLOSED].into_iter().find(|name| said["params"]["name"] == *name);
        Self { name: name.or(self.name), ..self }
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let all = [
            ("mcp-protocol-version", self.version),
            ("mcp-method", self.method),
            ("mcp-name", self.name),
        ];
        for (name, value) in all {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
}

/// A client of 2026-07-28, mostly an honest one.
pub(crate) fn modern() -> impl Strategy<Value = Head> {
    let version = prop_oneof![16 => Just("2026-07-28"), 1 => select(vec!["2027-01-01", "9999"])];
    (version, method(), name(), prop::bool::weighted(0.1)).prop_map(
        |(version, method, name, session)| Head { version: Some(version), method, name, session },
    )
}

/// A client from before, mostly in its session. What it says of method and name is a lie, and
/// not looked at.
pub(crate) fn older() -> impl Strategy<Value = Head> {
    let version = prop_oneof![
        16 => Just(Some("2025-11-25")),
        2 => select(vec![None, Some("2025-06-18"), Some("2025-03-26")]),
        1 => select(vec![Some("2026-07-27"), Some(""), Some("2025-11-25x")]),
    ];
    let lies = prop_oneof![4 => Just((None, None)), 1 => (method(), name())];
    (version, lies, prop::bool::weighted(0.9)).prop_map(|(version, (method, name), session)| Head {
        version,
        method,
        name,
        session,
    })
}

fn method() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        16 => Just(Some("tools/call")),
        1 => select(vec![None, Some("tools/list"), Some("initialize"), Some("")]),
    ]
}

fn name() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        8 => Just(Some(OPEN)),
        6 => Just(Some(CLOSED)),
        2 => select(ENCODED.to_vec()).prop_map(Some),
        1 => select(vec![None, Some("closed,open"), Some("")]),
    ]
}
