//! The tools that a server has, and how a rule names some of them.

use std::collections::BTreeMap;

/// Every tool that a server has, with what a policy may ask about it.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    tools: BTreeMap<String, CatalogueTool>,
}

/// One tool of a [`Catalogue`].
#[derive(Clone, Debug)]
pub struct CatalogueTool {
    /// The name as `tools/call` gives it, matched exactly.
    pub name: String,
    /// Whether the tool changes nothing (MCP annotation `readOnlyHint`).
    pub read_only: bool,
}

/// What one line of a policy, or one grant of a key, reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Every tool whose name starts so; written with a `*` behind it.
    Prefix(String),
    /// Every tool that only reads; written `read_only`.
    ReadOnly,
    /// One tool, by its exact name.
    Tool(String),
}

impl Catalogue {
    /// The tool of that exact name.
    pub fn get(&self, name: &str) -> Option<&CatalogueTool> {
        self.tools.get(name)
    }

    /// Whether a rule reaches any of the tools. One that does not is misspelt.
    pub fn has_any(&self, rule: &Rule) -> bool {
        self.iter().any(|tool| rule.reaches(tool))
    }

    /// All tools, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &CatalogueTool> {
        self.tools.values()
    }
}

impl FromIterator<CatalogueTool> for Catalogue {
    fn from_iter<I: IntoIterator<Item = CatalogueTool>>(tools: I) -> Self {
        Self { tools: tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect() }
    }
}

impl Rule {
    /// Reads `name`, `prefix*` or `read_only`.
    pub fn parse(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None if text == "read_only" => Self::ReadOnly,
            None => Self::Tool(text.to_owned()),
        }
    }

    pub(super) fn reaches(&self, tool: &CatalogueTool) -> bool {
        match self {
            Self::Prefix(prefix) => tool.name.starts_with(prefix),
            Self::ReadOnly => tool.read_only,
            Self::Tool(name) => tool.name == *name,
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::ReadOnly => f.write_str("read_only"),
            Self::Tool(name) => f.write_str(name),
        }
    }
}
