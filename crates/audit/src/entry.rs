//! What is written of a decision: bounded, escaped, and without what is secret.

use std::borrow::Cow;

use jiff::Timestamp;
use mcp_auth::audit::Decision;
use serde_json::{Map, Value};

use crate::record::Record;

/// Most characters of one text.
const MOST: usize = 256;
/// Most characters of a sentence.
const MOST_REASON: usize = 512;
/// Most characters of all arguments of a call.
const MOST_ARGUMENTS: usize = 2048;

/// Parts of the names of arguments whose values are kept by nobody.
const SECRET: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "credential",
    "authorization",
    "private",
];

/// The members of one line but for its number and its MAC: JSON without the braces around it.
#[derive(Debug)]
pub(crate) struct Members(pub(crate) String);

impl Members {
    /// Those of a decision.
    pub(crate) fn of(decision: &Decision<'_>, arguments: bool) -> Self {
        let text = |text: Option<&str>| text.map(|text| cut(text, MOST).into_owned());
        let kept = decision.arguments.filter(|_| arguments);
        Self::from(Record {
            time: decision.time.to_string(),
            decision: Some(decision.outcome.name().to_owned()),
            trace_id: decision.trace.map(|trace| trace.to_string()),
            peer: decision.peer.map(|peer| peer.to_string()),
            endpoint: text(decision.endpoint),
            scheme: text(decision.scheme),
            issuer: text(decision.issuer),
            user: text(decision.user),
            client: text(decision.client),
            credential: text(decision.credential),
            method: text(decision.method),
            tool: text(decision.tool),
            arguments: kept.map(|kept| cut(&shown(kept), MOST_ARGUMENTS).into_owned()),
            status: decision.status,
            rule: text(Some(&decision.basis.to_string())),
            reason: decision.reason.as_deref().map(|text| cut(text, MOST_REASON).into_owned()),
            ..Record::default()
        })
    }

    /// Those of a line that is no decision.
    pub(crate) fn event(event: &str, rest: Record) -> Self {
        let time = Timestamp::now().to_string();
        Self::from(Record { time, event: Some(event.to_owned()), ..rest })
    }

    fn from(record: Record) -> Self {
        let line = record.line();
        let members = line.strip_prefix("{\"seq\":0,").and_then(|line| line.strip_suffix('}'));
        Self(members.expect("the first member is the number, which is not known yet").to_owned())
    }
}

/// What came from a stranger, for a table on a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// What terminals obey, and what turns the direction of text or is not seen.
fn obeyed(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// JSON with what terminals obey as `\u` escapes: people look at files with `cat`. In JSON they can only stand in strings.
pub fn escaped(json: &str) -> String {
    if !json.contains(obeyed) {
        return json.to_owned();
    }
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        if obeyed(c) {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
        text
    })
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

fn shown(arguments: &Map<String, Value>) -> String {
    let mut shown = Value::Object(arguments.clone());
    hide(&mut shown);
    shown.to_string()
}

/// Takes out what is secret by its name, wherever it stands.
fn hide(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.to_lowercase();
                if SECRET.iter().any(|secret| name.contains(secret)) {
                    *value = Value::from("…");
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_auth::audit::Outcome;
    use serde_json::json;

    fn arguments_of(value: Value, kept: bool) -> Option<String> {
        let mut decision = Decision::new(Outcome::Allowed);
        let Value::Object(arguments) = value else { panic!("no object") };
        decision.arguments = Some(&arguments);
        let members = Members::of(&decision, kept).0;
        serde_json::from_str::<Record>(&format!("{{\"seq\":1,{members}}}")).unwrap().arguments
    }

    #[test]
    fn arguments_are_kept_only_if_asked_for_and_no_secret_among_them() {
        let given = json!({"city": "London", "Api_Key": "k", "deep": [{"newPassword": "p"}]});
        assert_eq!(arguments_of(given.clone(), false), None);
        let kept = arguments_of(given, true).unwrap();
        assert_eq!(kept, r#"{"Api_Key":"…","city":"London","deep":[{"newPassword":"…"}]}"#);
        let long = arguments_of(json!({ "text": "x".repeat(10_000) }), true).unwrap();
        assert_eq!(long.chars().count(), MOST_ARGUMENTS + 1);
    }

    #[test]
    fn a_stranger_neither_fills_a_line_nor_steers_a_terminal() {
        let mut decision = Decision::new(Outcome::Refused);
        let long = "é".repeat(10_000);
        decision.tool = Some(&long);
        decision.user = Some("a\"\n\u{1b}[31m\u{9b}2J\u{202e}b");
        let line = Members::of(&decision, false).0;
        assert!(line.len() < 2000, "{}", line.len());
        assert!(line.contains(r#""user":"a\"\n\u001b[31m\u009b2J\u202eb""#), "{line}");
    }
}
