//! Where results go: text for people, one JSON document for scripts.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;
use serde_json::json;

use crate::{Error, Refusal};

/// Tells the user something beside the result, on standard error.
pub fn note(text: &str) {
    write_line(io::stderr(), &printable(text));
}

/// Whoever reads may have seen enough, as `head` has: the exit code is that of the command.
fn write_line(mut out: impl Write, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// Prints in the form that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
    color: bool,
}

/// What a piece of text is, for a terminal that has colours.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    Bold,
    Dim,
    Good,
    Bad,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { json, color: io::stdout().is_terminal() && !plain }
    }

    /// The one JSON document of a command.
    pub(crate) fn document(self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => write_line(io::stdout(), &escaped(&text)),
            Err(error) => note(&format!("The result cannot be written as JSON: {error}.")),
        }
    }

    /// A line of text; nothing when JSON was asked for.
    pub(crate) fn line(self, text: &str) {
        if !self.json {
            write_line(io::stdout(), &printable(text));
        }
    }

    /// As [`Output::line`], in one style.
    pub(crate) fn styled(self, style: Style, text: &str) {
        if !self.json {
            write_line(io::stdout(), &self.paint(style, &printable(text)));
        }
    }

    /// A secret, alone on its line, as it is.
    pub(crate) fn secret(self, secret: &str) {
        write_line(io::stdout(), secret);
    }

    /// A refusal as part of a longer text.
    pub(crate) fn refusal(self, refusal: &Refusal) {
        for line in explain(refusal) {
            self.line(&format!("   {line}"));
        }
    }

    /// Why the command did not do what was asked.
    pub(crate) fn failure(self, error: &Error, hint: Option<&str>) {
        if self.json {
            let mut document = json!({ "ok": false, "message": error.to_string() });
            if let Some(refusal) = error.refusal() {
                document["refused"] = json!(refusal);
            }
            if let Some(hint) = hint {
                document["how_to_fix"] = json!(hint);
            }
            self.document(&document);
            return;
        }
        match error.refusal() {
            Some(refusal) => {
                let title = if error.is_refusal() { "Refused" } else { "Failed" };
                note(&format!("{title} by the server, status {}.", refusal.status));
                explain(refusal).iter().for_each(|line| note(&format!("   {line}")));
            }
            None => note(&error.to_string()),
        }
        if let Some(hint) = hint {
            note(hint);
        }
    }

    fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A refusal as lines: what the server said, what to do, what to quote.
fn explain(refusal: &Refusal) -> Vec<String> {
    let mut lines = vec![format!("the server said  {}", refusal.message)];
    let mut add = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            lines.push(format!("{name:<15}  {value}"));
        }
    };
    add("what to do", &refusal.how_to_fix);
    add("error code", &refusal.error);
    add("challenge", &refusal.challenge);
    add("retry after", &refusal.retry_after.as_ref().map(|wait| format!("{wait} s")));
    add("trace id", &refusal.trace_id);
    lines
}

/// JSON has to escape only those below U+0020; a terminal obeys others too.
fn escaped(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        match c {
            '\u{7f}'..='\u{9f}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
        text
    })
}

/// What comes from a server must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc"), "a\u{fffd}[31mb\u{fffd}\nc");
        assert_eq!(escaped("\"\u{9b}31m\u{e9}\u{7f}\""), "\"\\u009b31m\u{e9}\\u007f\"");
    }

    #[test]
    fn a_refusal_is_told_whole() {
        let body = br#"{"error":{"code":403,"message":"Not yours.",
            "data":{"how_to_fix":"Ask bob.","trace_id":"t-1"}}}"#;
        let refusal = Refusal::parse(http::StatusCode::FORBIDDEN, &http::HeaderMap::new(), body);
        let text = explain(&refusal).join("\n");
        for part in ["Not yours.", "Ask bob.", "t-1"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
