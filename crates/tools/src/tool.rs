//! One tool: how it is listed, and what runs when it is called.

use std::any::Any;
use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::Arc;

use mcp_auth::Identity;
use mcp_auth::authz::Permit;
use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Records, arguments};

/// A call that has been permitted: everything a tool may know besides its arguments.
pub(crate) struct Call {
    pub(crate) permit: Permit,
    pub(crate) records: Records,
}

impl Call {
    pub(crate) fn identity(&self) -> &Identity {
        self.permit.identity()
    }
}

/// Why a tool that was allowed to run has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller can put it right; the sentence says how.
    #[error("{0}")]
    Caller(String),
    /// The store failed. The cause is for the log alone.
    #[error(
        "the records could not be reached, and nothing was changed; try again in a moment, \
         and if it stays so tell whoever runs the server"
    )]
    Records(#[from] rusqlite::Error),
}

impl Failure {
    /// A failure that the caller can put right.
    pub(crate) fn caller(sentence: impl Into<String>) -> Self {
        Self::Caller(sentence.into())
    }
}

/// The input of a tool that needs nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The answer of a tool that changed one record: the record, and in the text what was
/// done to it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Did<T> {
    #[serde(skip)]
    pub(crate) what: &'static str,
    #[serde(flatten)]
    pub(crate) record: T,
}

impl<T: Display> Display for Did<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}.", self.what, self.record)
    }
}

/// What a tool does to the world, which clients read before they let a model call it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Adds a record.
    Adds,
    /// Reads what somebody else publishes.
    ReadsElsewhere,
    /// Reads our own records.
    Reads,
    /// Changes or removes what was there; a second time does nothing more.
    Replaces,
}

type Running = Pin<Box<dyn Future<Output = CallToolResult> + Send>>;

/// One tool of a [`Kit`](crate::Kit).
pub(crate) struct Tool {
    /// What `tools/list` shows.
    pub(crate) listed: rmcp::model::Tool,
    run: Box<dyn Fn(Call, JsonObject) -> Running + Send + Sync>,
}

impl Tool {
    /// A tool whose input and output schemas are those of `I` and `O`.
    ///
    /// The text of the answer is what `O` displays: complete, since a model may be given
    /// nothing else.
    pub(crate) fn new<I, O, F, R>(
        name: &'static str,
        title: &'static str,
        effect: Effect,
        description: &'static str,
        run: F,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema + Any,
        O: Serialize + Display + JsonSchema + Any,
        F: Fn(Call, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        let schema = schema_for_input::<I>().expect("tool inputs are structs, hence objects");
        let listed = rmcp::model::Tool::new(name, description, Arc::clone(&schema))
            .with_title(title)
            .with_raw_output_schema(schema_for_output::<O>())
            .with_annotations(effect.annotations(title));
        let run = Box::new(move |call, arguments| -> Running {
            match arguments::parse(&schema, arguments) {
                Ok(input) => {
                    let work = run(call, input);
                    Box::pin(async move { result(name, work.await) })
                }
                Err(problems) => Box::pin(std::future::ready(error(problems))),
            }
        });
        Self { listed, run }
    }

    /// Whether the tool changes nothing.
    pub(crate) fn reads_only(&self) -> bool {
        self.listed.annotations.as_ref().and_then(|notes| notes.read_only_hint) == Some(true)
    }

    /// Checks the arguments and runs the tool.
    pub(crate) fn run(&self, call: Call, arguments: JsonObject) -> Running {
        (self.run)(call, arguments)
    }
}

impl Effect {
    fn annotations(self, title: &str) -> ToolAnnotations {
        ToolAnnotations::with_title(title)
            .read_only(matches!(self, Self::Reads | Self::ReadsElsewhere))
            .destructive(self == Self::Replaces)
            .idempotent(self != Self::Adds)
            .open_world(self == Self::ReadsElsewhere)
    }
}

fn result<O: Serialize + Display>(name: &str, answer: Result<O, Failure>) -> CallToolResult {
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => {
            if let Failure::Records(cause) = &failure {
                tracing::error!(tool = name, %cause, "the records failed");
            }
            return error(failure.to_string());
        }
    };
    let text = ContentBlock::text(answer.to_string());
    let mut result = CallToolResult::success(vec![text]);
    result.structured_content =
        Some(serde_json::to_value(&answer).expect("answers have string keys and finite numbers"));
    result
}

fn error(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}
