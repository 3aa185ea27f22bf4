//! The many ways in which one JSON document can be written.

use std::fmt::Write;

use proptest::prelude::*;

/// A document that is not written yet. Texts and names are spelt already.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// As it is to stand there.
    Raw(String),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// With `space` wherever white space may be.
    pub(crate) fn write(&self, space: &str) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    format!("{space}{name}{space}:{space}{}{space}", value.write(space))
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// A JSON text, some of its letters escaped where they need not be.
pub(crate) fn spelt(text: impl AsRef<str>) -> impl Strategy<Value = String> {
    let text = text.as_ref().to_owned();
    // Most are written as everybody writes them.
    let escapes = prop_oneof![6 => Just(0), 1 => any::<u64>(), 1 => Just(u64::MAX)];
    escapes.prop_map(move |escapes| spell(&text, escapes))
}

/// Bit n of `escapes` says whether letter n is written as `\uXXXX`.
pub(crate) fn spell(text: &str, escapes: u64) -> String {
    let mut spelt = String::from("\"");
    for (at, letter) in text.chars().enumerate() {
        match letter {
            _ if escapes >> (at % 64) & 1 == 1 => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(spelt, "\\u{unit:04x}").unwrap();
                }
            }
            '\0'..='\u{1f}' => write!(spelt, "\\u{:04x}", u32::from(letter)).unwrap(),
            '"' | '\\' => spelt.extend(['\\', letter]),
            letter => spelt.push(letter),
        }
    }
    spelt + "\""
}

/// White space as RFC 8259 §2 has it, mostly none.
pub(crate) fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t ")]
}

/// Members with, now and then, one too many, one too few, or one under a name that is nearly
/// right; in any order.
pub(crate) fn tampered(
    members: Vec<(&'static str, BoxedStrategy<Node>)>,
) -> impl Strategy<Value = Node> {
    let names: Vec<&'static str> = members.iter().map(|(name, _)| *name).collect();
    let written: Vec<_> =
        members.iter().map(|(name, value)| (spelt(*name), value.clone())).collect();
    let again = members.clone();
    let change = prop_oneof![
        12 => Just(None).boxed(),
        1 => (0..names.len()).prop_map(|at| Some((at, None))).boxed(),
        2 => (0..names.len())
            .prop_flat_map(move |at| {
                let (name, value) = again[at].clone();
                (Just(at), (nearly(name), value).prop_map(Some)).prop_map(Some)
            })
            .boxed(),
    ];
    (written, change)
        .prop_map(|(mut members, change)| {
            match change {
                None => {}
                Some((at, None)) => drop(members.remove(at)),
                Some((_, Some(more))) => members.push(more),
            }
            members
        })
        .prop_shuffle()
        .prop_map(Node::Object)
}

/// The name again, however it is spelt, or what a careless reader takes for it.
fn nearly(name: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => spelt(name),
        1 => Just(spell(&name.to_uppercase(), 0)),
        1 => Just(spell(&format!("{name}\0"), 0)),
        1 => Just(spell(&format!(" {name}"), 0)),
        1 => Just(spell("result", 0)),
    ]
}
