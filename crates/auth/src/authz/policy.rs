//! Roles and scopes → tools, as plain data.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use super::Permit;
use crate::Identity;

/// Which roles and scopes reach which tools.
///
/// What no rule reaches is refused, and so is everything under a role or scope that
/// the policy does not name. The tools named as `always` when it was loaded are for
/// every caller that is known at all.
#[derive(Debug)]
pub struct Policy {
    catalogue: Catalogue,
    always: Vec<String>,
    roles: HashMap<String, Vec<Rule>>,
    /// Sorted by name, so that a challenge always names the same scope.
    scopes: BTreeMap<String, Vec<Rule>>,
}

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

/// Why a policy was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is not TOML of the expected shape; the text names line and column.
    #[error("the policy is not valid: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A rule reaches no tool that the server has.
    #[error("{holder} grants \"{rule}\", but this server has no such tool; it has: {known}")]
    UnknownTool {
        /// The role or scope that has the rule.
        holder: String,
        /// The rule as written.
        rule: String,
        /// All tool names there are.
        known: String,
    },
}

impl Policy {
    /// Reads a policy and resolves every rule against the tools there are.
    ///
    /// ```toml
    /// [roles.Manager]
    /// tools = ["hr_*", "get_time"]
    ///
    /// [roles.Auditor]
    /// read_only = true
    ///
    /// [scopes."weather:read"]
    /// tools = ["get_weather"]
    /// ```
    ///
    /// # Errors
    /// The text is not such a file, or a rule names a tool that is not in the catalogue.
    pub fn parse(text: &str, catalogue: Catalogue) -> Result<Self, PolicyError> {
        let file: PolicyFile = toml::from_str(text)?;
        let mut policy = Self::grants_only(catalogue);
        for (role, section) in file.roles {
            let rules = policy.resolve(&format!("role \"{role}\""), section)?;
            policy.roles.insert(role, rules);
        }
        for (scope, section) in file.scopes {
            let rules = policy.resolve(&format!("scope \"{scope}\""), section)?;
            policy.scopes.insert(scope, rules);
        }
        Ok(policy)
    }

    /// A policy in which no role and no scope reaches anything: a key's own grants decide.
    pub fn grants_only(catalogue: Catalogue) -> Self {
        Self { catalogue, always: Vec::new(), roles: HashMap::new(), scopes: BTreeMap::new() }
    }

    /// Opens one tool to every caller that is known at all, whatever its rights.
    ///
    /// # Errors
    /// The catalogue has no such tool.
    pub fn always(mut self, tool: &str) -> Result<Self, PolicyError> {
        let rule = self.resolved("the server", Rule::Tool(tool.to_owned()))?;
        self.always.push(rule.to_string());
        Ok(self)
    }

    /// One caller's rights under this policy.
    pub fn permit(self: &Arc<Self>, identity: Arc<Identity>) -> Permit {
        Permit::new(Arc::clone(self), identity)
    }

    /// The tools that the policy was checked against.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The names of all roles that the policy knows, sorted.
    pub fn roles(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.roles.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The names of all scopes that the policy knows, sorted.
    pub fn scopes(&self) -> Vec<&str> {
        self.scopes.keys().map(String::as_str).collect()
    }

    /// The scopes that one operation needs: the one scope that reaches the tool, and of
    /// several the one that reaches least. Empty if no scope would help.
    pub(super) fn scopes_for(&self, tool: &CatalogueTool) -> Vec<String> {
        let reach = |rules: &[Rule]| {
            self.catalogue.iter().filter(|t| rules.iter().any(|r| r.reaches(t))).count()
        };
        self.scopes
            .iter()
            .filter(|(_, rules)| rules.iter().any(|rule| rule.reaches(tool)))
            .min_by_key(|(_, rules)| reach(rules))
            .map(|(scope, _)| vec![scope.clone()])
            .unwrap_or_default()
    }

    pub(super) fn reaches(&self, identity: &Identity, tool: &CatalogueTool) -> bool {
        let any = |rules: Option<&Vec<Rule>>| {
            rules.is_some_and(|rules| rules.iter().any(|rule| rule.reaches(tool)))
        };
        self.always.contains(&tool.name)
            || identity.roles.iter().any(|role| any(self.roles.get(role)))
            || identity.scopes.iter().any(|scope| any(self.scopes.get(scope)))
            || identity.grants.iter().any(|grant| Rule::parse(grant).reaches(tool))
    }

    fn resolve(&self, holder: &str, section: Section) -> Result<Vec<Rule>, PolicyError> {
        let read_only = section.read_only.then_some(Rule::ReadOnly);
        let named = section.tools.iter().map(|text| match Rule::parse(text) {
            // In a policy file this has a field of its own; as a tool name it is unknown.
            Rule::ReadOnly => Rule::Tool(text.clone()),
            rule => rule,
        });
        named.chain(read_only).map(|rule| self.resolved(holder, rule)).collect()
    }

    fn resolved(&self, holder: &str, rule: Rule) -> Result<Rule, PolicyError> {
        if self.catalogue.has_any(&rule) {
            return Ok(rule);
        }
        Err(PolicyError::UnknownTool {
            holder: holder.to_owned(),
            rule: rule.to_string(),
            known: self.catalogue.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
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

    fn reaches(&self, tool: &CatalogueTool) -> bool {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    roles: BTreeMap<String, Section>,
    #[serde(default)]
    scopes: BTreeMap<String, Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default)]
    tools: Vec<String>,
    #[serde(default)]
    read_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        [("hr_list", true), ("hr_add", false), ("get_time", true)]
            .map(|(name, read_only)| CatalogueTool { name: name.to_owned(), read_only })
            .into_iter()
            .collect()
    }

    #[test]
    fn a_misspelt_tool_is_an_error_that_names_it() {
        for text in [
            "[roles.A]\ntools = [\"hr_lst\"]",
            "[roles.A]\ntools = [\"crm_*\"]",
            "[scopes.a]\ntools = [\"read_only\"]",
        ] {
            let error = Policy::parse(text, catalogue()).unwrap_err().to_string();
            assert!(error.contains("no such tool") && error.contains("get_time"), "{error}");
        }
    }

    #[test]
    fn a_field_nobody_knows_is_an_error() {
        assert!(Policy::parse("[roles.A]\nallow = true", catalogue()).is_err());
        assert!(Policy::parse("[role.A]\ntools = [\"*\"]", catalogue()).is_err());
    }

    #[test]
    fn of_two_scopes_the_narrower_is_named() {
        let text = "[scopes.a_all]\ntools = [\"*\"]\n[scopes.time]\ntools = [\"get_time\"]";
        let policy = Policy::parse(text, catalogue()).unwrap();
        let tool = policy.catalogue().get("get_time").unwrap();
        assert_eq!(policy.scopes_for(tool), ["time"]);
    }
}
