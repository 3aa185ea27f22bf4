//! Bodies that some reader of JSON has fallen for, and what becomes of each.

use super::bodies::{CLOSED, OPEN};
use super::stack::Outcome;

/// Where a request ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expected {
    /// The layers: something is there twice.
    Ambiguous,
    /// The tool `open`.
    Called,
    /// The layers: the caller may not call this tool.
    Forbidden,
    /// rmcp: it is no request, or of nothing that is there.
    Parser,
}

impl Expected {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match (outcome.status, &outcome.passed) {
            _ if !outcome.called.is_empty() => Self::Called,
            (400, None) => Self::Ambiguous,
            (403, None) => Self::Forbidden,
            _ => Self::Parser,
        }
    }

    /// The tool that an honest header names beside it.
    pub(crate) fn names(self) -> &'static str {
        match self {
            Self::Called => OPEN,
            Self::Ambiguous | Self::Forbidden | Self::Parser => CLOSED,
        }
    }
}

/// The rows, with the `_meta` of a client that is one or the other.
pub(crate) fn rows(meta: &str) -> Vec<(&'static str, Vec<u8>, Expected)> {
    use Expected::{Ambiguous, Called, Forbidden, Parser};
    let mut rows = Vec::new();
    let mut row = |name, text: String, expected| rows.push((name, text.into_bytes(), expected));
    // The rest of a good request: what is said twice, is said by these rows.
    let call = |params: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params},"_meta":{meta}}}}}"#
        )
    };
    let open = call(r#""name":"open""#);
    let closed = call(r#""name":"closed""#);
    let within = |more: &str| open.replacen('{', &format!("{{{more},"), 1);

    row("as it should be", open.clone(), Called);
    row("what may not be called", closed.clone(), Forbidden);
    row("the name escaped", call(r#""name":"\u0063losed""#), Forbidden);
    row("the member escaped", call(r#""n\u0061me":"closed""#), Forbidden);
    row("the method escaped", closed.replace("tools/call", r"\u0074ools\/call"), Forbidden);
    row("white space everywhere", closed.replace(':', "\t:\r\n "), Forbidden);
    row("params first", reordered(&closed), Forbidden);

    row("the name twice, the good one last", call(r#""name":"closed","name":"open""#), Ambiguous);
    row("the name twice, the good one first", call(r#""name":"open","name":"closed""#), Ambiguous);
    row("the same name twice", call(r#""name":"open","name":"open""#), Ambiguous);
    row("the name twice, once escaped", call(r#""name":"open","n\u0061me":"closed""#), Ambiguous);
    row("the name, and null", call(r#""name":"open","name":null"#), Ambiguous);
    row("the method twice", within(r#""method":"tools/list""#), Ambiguous);
    row("the method twice, once escaped", within(r#""m\u0065thod":"tools/list""#), Ambiguous);
    row("params twice", within(r#""params":{"name":"closed"}"#), Ambiguous);
    row("params twice, once empty", within(r#""params":{}"#), Ambiguous);
    row("the id twice", within(r#""id":2"#), Ambiguous);

    row("a capital", call(r#""Name":"closed","name":"open""#), Called);
    row("params in capitals too", within(r#""PARAMS":{"name":"closed"}"#), Called);
    row("a member that ends in NUL", call(r#""name\u0000":"closed","name":"open""#), Called);
    row(
        "another name in the arguments",
        call(r#""name":"open","arguments":{"name":"closed"}"#),
        Called,
    );
    row(
        "a request in the arguments",
        call(&format!(r#""name":"open","arguments":{{"a":{closed}}}"#)),
        Called,
    );
    row("a request beside it", within(&format!(r#""x":{closed}"#)), Called);
    row(
        "twice in the arguments",
        call(r#""name":"open","arguments":{"name":"closed","name":"open"}"#),
        Called,
    );

    row("an empty body", String::new(), Parser);
    row("a text", r#""tools/call""#.to_owned(), Parser);
    row(
        "params null",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}"#.to_owned(),
        Parser,
    );
    row(
        "params a list",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["closed"]}"#.to_owned(),
        Parser,
    );
    row(
        "params twice, the last null",
        format!("{},\"params\":null}}", &closed[..closed.len() - 1]),
        Parser,
    );
    row("params twice, the first null", closed.replacen('{', "{\"params\":null,", 1), Parser);
    row("a name in a list", call(r#""name":["closed"]"#), Parser);
    row("a name in an object", call(r#""name":{"name":"closed"}"#), Parser);
    row(
        "a name as serde_json marks raw text",
        call(r#""name":{"$serde_json::private::RawValue":"\"closed\""}"#),
        Parser,
    );
    row(
        "a method as serde_json marks raw text",
        closed.replace("\"tools/call\"", r#"{"$serde_json::private::RawValue":"\"tools/call\""}"#),
        Parser,
    );
    row("a batch of one", format!("[{closed}]"), Parser);
    row("a batch of two", format!("[{open},{closed}]"), Parser);
    row("two documents", format!("{open}{closed}"), Parser);
    row("two lines", format!("{open}\n{closed}"), Parser);
    row("something behind", format!("{closed}x"), Parser);
    row("a NUL behind", format!("{closed}\0"), Parser);
    row("a byte order mark", format!("\u{feff}{closed}"), Parser);
    row("a comma too many", format!("{},}}", &closed[..closed.len() - 1]), Parser);
    row("a comment", closed.replacen('{', "{/* */", 1), Parser);
    row("single quotes", closed.replace('"', "'"), Parser);
    row("the first half", closed[..closed.len() / 2].to_owned(), Parser);
    row(
        "half of a pair of surrogates",
        call(r#""name":"open","arguments":{"a":"\ud800"}"#),
        Parser,
    );
    row(
        "deeper than rmcp reads",
        within(&format!(r#""x":{}{}"#, "[".repeat(500), "]".repeat(500))),
        Parser,
    );
    row("an id that is a list", closed.replace("\"id\":1", "\"id\":[1]"), Forbidden);
    row("an id that is null", closed.replace("\"id\":1", "\"id\":null"), Forbidden);
    row("a notification", closed.replace("\"id\":1,", ""), Forbidden);
    row("an answer at the same time", closed.replacen('{', "{\"result\":{},", 1), Forbidden);
    row(
        "a failure at the same time",
        closed.replacen('{', "{\"error\":{\"code\":1,\"message\":\"\"},", 1),
        Forbidden,
    );
    row("another JSON-RPC", closed.replace("\"2.0\"", "\"1.0\""), Forbidden);
    row("a task", call(r#""name":"closed","task":{"ttl":60000}"#), Forbidden);
    let mut broken = call(r#""name":"open","arguments":{"a":"?"}"#).into_bytes();
    let at = broken.iter().position(|byte| *byte == b'?').unwrap();
    broken[at] = 0xff;
    rows.push(("bytes that are no UTF-8", broken, Parser));
    rows.push(("UTF-16", closed.encode_utf16().flat_map(u16::to_be_bytes).collect(), Parser));
    rows
}

/// The same members with `params` before the rest.
fn reordered(text: &str) -> String {
    let (rest, params) = text[1..text.len() - 1].split_once(",\"params\":").unwrap();
    format!("{{\"params\":{params},{rest}}}")
}
