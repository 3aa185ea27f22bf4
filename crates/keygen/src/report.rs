//! What was done: for people, or as one JSON document.

use serde_json::Value;
use zeroize::Zeroizing;

/// What a command did. It has no `Debug`, because `--show` puts a secret into it.
pub struct Report {
    text: Zeroizing<String>,
    json: Value,
}

impl Report {
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: Zeroizing::new(text.into()), json }
    }

    /// The lines to print, each with its end.
    pub fn render(&self, as_json: bool) -> Zeroizing<String> {
        let mut text =
            if as_json { Zeroizing::new(format!("{:#}", self.json)) } else { self.text.clone() };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}
