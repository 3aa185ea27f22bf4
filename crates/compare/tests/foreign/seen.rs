//! What came of one step.

use compare::Kind;
use serde::Deserialize;
use serde_json::Value;

/// What the user of a client sees of one step.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    /// The step's name.
    pub(crate) step: String,
    /// The protocol that was spoken, where the client tells.
    pub(crate) version: Option<String>,
    /// The names of the tools that were listed.
    pub(crate) tools: Option<Vec<String>>,
    /// What a tool answered, in its structured form.
    pub(crate) result: Option<Value>,
    /// Whether the tool said that it failed.
    #[serde(default)]
    pub(crate) failed: bool,
    /// For whom a list may be kept, as the client understood it.
    pub(crate) scope: Option<String>,
    /// For how many milliseconds.
    pub(crate) ttl: Option<u64>,
    /// The error, as its user sees it.
    pub(crate) error: Option<String>,
    /// What else the error holds, for a program that catches it.
    #[serde(default)]
    pub(crate) data: Value,
}

/// What a client saw at one server, in one generation of the protocol.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) kind: Kind,
    pub(crate) protocol: &'static str,
    pub(crate) seen: Seen,
    /// What the server itself said, if it refused.
    pub(crate) refusal: Option<Refusal>,
}

/// A refusal as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) sentence: String,
    pub(crate) how_to_fix: String,
}

impl Observed {
    /// The error without what differs from run to run, and with what would help left out:
    /// that depends on the server.
    pub(crate) fn masked(&self, origin: &str) -> String {
        let error = self.seen.error.as_deref().unwrap();
        let authority = origin.trim_start_matches("http://");
        let fix = &self.refusal.as_ref().unwrap().how_to_fix;
        let error = error.replace(fix, "…").replace(authority, "127.0.0.1:<port>");
        // Clients count their requests from different numbers.
        trace_id_masked(&error.replace("\"id\":0", "\"id\":1"))
    }
}

/// A trace id has 36 characters, and stands in quotes that may themselves be quoted.
pub(crate) fn trace_id_masked(text: &str) -> String {
    const NAME: &str = "trace_id";
    let Some(name) = text.find(NAME) else { return text.to_owned() };
    let after = name + NAME.len();
    let start = after + text[after..].find(|c: char| c.is_ascii_hexdigit()).unwrap();
    format!("{}<trace id>{}", &text[..start], &text[start + 36..])
}
