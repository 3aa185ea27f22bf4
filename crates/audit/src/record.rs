//! One line, as it is read.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::link::hex;

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
    /// Of a line that is no decision, what it is: `opened` a file, `started` a server, or
    /// `unwritten` decisions that are counted here and stand nowhere.
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
    /// Of `started`: how many bytes before this line are none, because a server was killed while
    /// it wrote them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_bytes: Option<u64>,
    /// Of `started`: their SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_sha256: Option<String>,
    /// Of `started`: why it cannot be said whether something is missing before this line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl Record {
    /// Says of what stands before it that it is no line.
    pub(crate) fn mending(self, torn: &[u8]) -> Self {
        let torn = torn.trim_ascii_end();
        let digest = hex(digest(&SHA256, torn).as_ref());
        Self { torn_bytes: Some(torn.len() as u64), torn_sha256: Some(digest), ..self }
    }

    /// Whether it says that of exactly this. Of nothing it has to say nothing.
    pub(crate) fn mends(&self, torn: &[u8]) -> bool {
        if torn.is_empty() {
            return self.torn_bytes.is_none();
        }
        let said = Self::default().mending(torn);
        self.torn_bytes == said.torn_bytes && self.torn_sha256 == said.torn_sha256
    }

    /// One line of JSON, which is safe to print.
    pub fn line(&self) -> String {
        crate::entry::escaped(&serde_json::to_string(self).expect("texts and numbers are JSON"))
    }
}
