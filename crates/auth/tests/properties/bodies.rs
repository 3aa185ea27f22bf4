//! Bodies of requests that call a tool, or look as if they did: in every spelling, and broken
//! in every way that is known.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::spelling::{Node, space, spell, spelt, tampered};

/// The tool that the caller may call.
pub(crate) const OPEN: &str = "open";
/// The tool that it may not.
pub(crate) const CLOSED: &str = "closed";

/// What a client of 2026-07-28 sends as `_meta`.
pub(crate) const MODERN: &str = concat!(
    r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}"#
);

/// The bytes of a body. It is shown as text when a test fails.
#[derive(Clone)]
pub(crate) struct Body(pub(crate) Vec<u8>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// Five in six are one JSON object; the others are something around it, or a part of it.
/// Mostly `meta` is what they send along.
pub(crate) fn body(meta: &'static str) -> impl Strategy<Value = Body> {
    let text = (message(meta), space()).prop_map(|(message, space)| message.write(space));
    (text, damage()).prop_map(|(text, damage)| Body(damage.done_to(text)))
}

fn message(meta: &'static str) -> impl Strategy<Value = Node> {
    tampered(vec![
        ("jsonrpc", mostly([r#""2.0""#], [r#""1.0""#, "2.0", "null", r#"["2.0"]"#])),
        ("id", mostly(["1", r#""a""#, "-7"], IDS)),
        ("method", method().boxed()),
        ("params", params(meta).boxed()),
    ])
}

fn params(meta: &'static str) -> impl Strategy<Value = Node> {
    let object = tampered(vec![
        ("name", name().boxed()),
        ("arguments", mostly(["{}", r#"{"name":"closed"}"#], ARGUMENTS)),
        ("_meta", mostly([meta], METAS)),
    ]);
    let other = select(vec!["null", "[]", r#"["closed"]"#, r#"[{"name":"closed"}]"#, "7", "\"\""]);
    prop_oneof![
        16 => object,
        1 => other.prop_map(|text| Node::Raw(text.to_owned())),
    ]
}

fn method() -> impl Strategy<Value = Node> {
    let nearly = [
        "initialize",
        "tools/list",
        "ping",
        "server/discover",
        "prompts/get",
        "resources/read",
        "completion/complete",
        "tasks/get",
        "logging/setLevel",
        "notifications/initialized",
        "notifications/cancelled",
        "Tools/Call",
        "tools/call ",
        "tools/call\0",
        "tools//call",
        "",
    ];
    let wrong = ["null", "1", "true", r#"["tools/call"]"#, r#"{"tools/call":"tools/call"}"#];
    prop_oneof![
        24 => spelt("tools/call"),
        3 => select(nearly.to_vec()).prop_flat_map(spelt),
        1 => select(wrong.to_vec()).prop_map(str::to_owned),
        1 => Just(r#""tools\/call""#.to_owned()),
    ]
    .prop_map(Node::Raw)
}

fn name() -> impl Strategy<Value = Node> {
    let nearly = [
        "Closed",
        "closed ",
        " closed",
        "closed\0",
        "cl\u{43e}sed",
        "clos\u{65}\u{301}d",
        "*",
        "",
        "closed\u{200b}",
        "open closed",
        "open,closed",
        "open\0closed",
        "\u{10ffff}",
    ];
    let wrong = [
        "null",
        "7",
        "true",
        r#"["closed"]"#,
        r#"{"name":"closed"}"#,
        // How serde_json marks what it wrote itself.
        r#"{"$serde_json::private::RawValue":"\"closed\""}"#,
        r#"{"$serde_json::private::Number":"closed"}"#,
    ];
    prop_oneof![
        8 => spelt(OPEN),
        8 => spelt(CLOSED),
        2 => select(nearly.to_vec()).prop_flat_map(spelt),
        1 => select(wrong.to_vec()).prop_map(str::to_owned),
    ]
    .prop_map(Node::Raw)
}

const IDS: [&str; 9] =
    ["null", "1.5", "99999999999999999999", "1e400", "\"\"", "[]", "{}", "true", r#"[{"id":1}]"#];

const ARGUMENTS: [&str; 8] = [
    "null",
    "[]",
    r#""closed""#,
    r#"{"name":"closed","name":"open"}"#,
    r#"{"method":"tools/call","params":{"name":"closed"}}"#,
    r#"{"a":1e400}"#,
    r#"{"a":"\ud800"}"#,
    r#"{"\u0000":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"#,
];

const METAS: [&str; 8] = [
    "null",
    "{}",
    "[]",
    r#""closed""#,
    r#"{"name":"closed"}"#,
    r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
    concat!(
        r#"{"io.modelcontextprotocol/protocolVersion":"2025-11-25","#,
        r#""io.modelcontextprotocol/clientCapabilities":{}}"#
    ),
    concat!(
        r#"{"io.modelcontextprotocol/protocolVersion":"9999-01-01","#,
        r#""io.modelcontextprotocol/clientCapabilities":{}}"#
    ),
];

fn mostly<const N: usize, const M: usize>(
    right: [&'static str; N],
    wrong: [&'static str; M],
) -> BoxedStrategy<Node> {
    prop_oneof![16 => select(right.to_vec()), 1 => select(wrong.to_vec())]
        .prop_map(|text| Node::Raw(text.to_owned()))
        .boxed()
}

/// What happens to a body on its way.
#[derive(Clone, Debug)]
enum Damage {
    After(&'static str),
    Batch(usize),
    Before(&'static str),
    Byte(Index, u8),
    Cut(Index),
    Deep(usize),
    Inserted(Index, u8),
    None,
}

fn damage() -> impl Strategy<Value = Damage> {
    let before = select(vec!["\u{feff}", " \n", "\0", "1 ", "{}", ")]}'\n", "\u{1e}"]);
    let after = select(vec![" \n", "\0", ",", "}", "{}", "\n{}", "x", "\u{feff}"]);
    let place = any::<Index>;
    prop_oneof![
        48 => Just(Damage::None),
        1 => before.prop_map(Damage::Before),
        1 => after.prop_map(Damage::After),
        1 => (1..3_usize).prop_map(Damage::Batch),
        1 => place().prop_map(Damage::Cut),
        1 => (60..400_usize).prop_map(Damage::Deep),
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Inserted(at, byte)),
    ]
}

impl Damage {
    fn done_to(self, text: String) -> Vec<u8> {
        let mut bytes = text.clone().into_bytes();
        match self {
            Self::None => {}
            Self::After(what) => bytes.extend_from_slice(what.as_bytes()),
            Self::Before(what) => return [what.as_bytes(), &bytes].concat(),
            Self::Batch(of) => return format!("[{}]", vec![text; of].join(",")).into_bytes(),
            Self::Byte(at, byte) => *at.get_mut(&mut bytes) = byte,
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Deep(levels) => {
                let name = spell("x", 0);
                let deep = format!("{{{name}:{}{},", "[".repeat(levels), "]".repeat(levels));
                return text.replacen('{', &deep, 1).into_bytes();
            }
            Self::Inserted(at, byte) => bytes.insert(at.index(bytes.len() + 1), byte),
        }
        bytes
    }
}
