//! One line, as it is read.

use serde::{Deserialize, Serialize};

use crate::link::Link;
use crate::torn::Torn;

/// One line of an audit file. What it does not say is `None`.
///
/// Its texts came from strangers: JSON that is written again escapes what a terminal obeys only
/// where [`Record::line`] is used.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Record {
    /// Its number. The first line of all has 1, and none is left out.
    pub seq: u64,
    /// When it was decided: RFC 3339.
    pub time: String,
    /// Of a line that is no decision, what it is: `opened` a file, `started` or `ended` a server,
    /// or `unwritten` decisions that are counted here and stand nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// `allowed`, `refused`, `issued` or `revoked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// What the answer calls `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The caller's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The first part of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The scheme that judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Who vouches for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The program that called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The id of the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The method of MCP, or else of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The tool that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The arguments of the call, as JSON, cut where they are long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// The status of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What decided: the rule that reached the tool, or the check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of `unwritten`: how many refusals of strangers it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// Of `unwritten`: how many decisions were lost because the file could not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Of `opened`: the MAC of the line before, in the file before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Of `opened`: the name of the file, before it is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Of `opened`: the number of the oldest line that is kept, if older files were removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Of `started`, or of `opened` where no line of ours was in the file: how many bytes before
    /// this line are none, because a server was killed while it wrote them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_bytes: Option<u64>,
    /// Their SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_sha256: Option<String>,
    /// Of `started`: why it cannot be said whether something is missing before this line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Of `started`: how many lines before this one the head did not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<u64>,
}

impl Record {
    /// Says of what stands before it that it is no line.
    pub(crate) fn mending(self, torn: &Torn) -> Self {
        Self { torn_bytes: Some(torn.bytes()), torn_sha256: Some(torn.digest()), ..self }
    }

    /// Whether it says that of exactly this. Of nothing it has to say nothing.
    pub(crate) fn mends(&self, torn: Option<&Torn>) -> bool {
        let Some(torn) = torn else { return self.torn_bytes.is_none() };
        self.torn_bytes == Some(torn.bytes()) && self.torn_sha256 == Some(torn.digest())
    }

    /// What stands before the first line of a file, as that says itself.
    pub(crate) fn before(&self) -> Option<Link> {
        let mac = self.previous.as_ref()?.parse().ok()?;
        Some(Link { seq: self.seq.checked_sub(1)?, mac })
    }

    /// One line of JSON, which is safe to print.
    pub fn line(&self) -> String {
        crate::entry::escaped(&serde_json::to_string(self).expect("texts and numbers are JSON"))
    }
}
