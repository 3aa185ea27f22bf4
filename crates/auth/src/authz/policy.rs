//! Roles and scopes → tools, as plain data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use super::{Catalogue, CatalogueTool, Permit, Rule};
use crate::Identity;
use crate::audit::Basis;

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
    scopes: BTreeMap<String, Scope>,
    /// See [`Policy::scopes_that_only_read`]. Each refused stranger is told them, and so they are
    /// looked for once.
    only_read: Vec<String>,
}

#[derive(Debug)]
struct Scope {
    /// What it reaches by itself.
    rules: Vec<Rule>,
    /// It and all scopes that it implies, directly or through others.
    implies: BTreeSet<String>,
}

/// Why a policy was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is not TOML of the expected shape; the text names line and column.
    #[error("the policy is not valid: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A scope could not be asked for by this name (RFC 6749 §3.3).
    #[error("\"{0}\" cannot be a scope: visible ASCII without spaces, quotes and backslashes")]
    ScopeName(String),
    /// A scope includes one that the policy does not have.
    #[error("scope \"{scope}\" includes \"{included}\", but the policy has no such scope")]
    UnknownScope {
        /// The scope that includes it.
        scope: String,
        /// The name as written.
        included: String,
    },
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
    /// [scopes."shopping:read"]
    /// tools = ["list_shopping_items"]
    ///
    /// [scopes."shopping:write"]
    /// tools = ["add_shopping_item"]
    /// includes = ["shopping:read"]
    /// ```
    ///
    /// Whoever has a scope has those that it includes.
    ///
    /// # Errors
    /// The text is not such a file, or a rule names a tool that is not in the catalogue, or a
    /// scope includes one that is not in the file.
    pub fn parse(text: &str, catalogue: Catalogue) -> Result<Self, PolicyError> {
        let file: PolicyFile = toml::from_str(text)?;
        let mut policy = Self::grants_only(catalogue);
        for (role, section) in file.roles {
            let rules = policy.resolve(&format!("role \"{role}\""), section)?;
            policy.roles.insert(role, rules);
        }
        for (scope, section) in &file.scopes {
            if !is_scope_token(scope) {
                return Err(PolicyError::ScopeName(scope.clone()));
            }
            let rules = policy.resolve(&format!("scope \"{scope}\""), section.reach())?;
            let implies = implied(scope, &file.scopes)?;
            policy.scopes.insert(scope.clone(), Scope { rules, implies });
        }
        policy.only_read = policy.only_reading().map(str::to_owned).collect();
        Ok(policy)
    }

    /// A policy in which no role and no scope reaches anything: a key's own grants decide.
    pub fn grants_only(catalogue: Catalogue) -> Self {
        Self {
            catalogue,
            always: Vec::new(),
            roles: HashMap::new(),
            scopes: BTreeMap::new(),
            only_read: Vec::new(),
        }
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

    /// These scopes and all that they imply: a broad scope is as good as the narrow ones in it
    /// (MCP 2026-07-28, Authorization, Step-Up Authorization Flow). A scope that the policy does
    /// not have implies itself alone.
    pub fn scope_closure(&self, scopes: &[String]) -> BTreeSet<String> {
        let known = scopes.iter().filter_map(|scope| self.scopes.get(scope));
        known.flat_map(|scope| &scope.implies).chain(scopes).cloned().collect()
    }

    /// The scopes that reach nothing but tools which change nothing: what a client that knows
    /// nothing yet may well ask for.
    pub fn scopes_that_only_read(&self) -> &[String] {
        &self.only_read
    }

    /// The scopes that one operation needs: the one scope that reaches the tool by itself, and
    /// of several the one that reaches least. Empty if no scope would help.
    pub(super) fn scopes_for(&self, tool: &CatalogueTool) -> Vec<String> {
        let reach = |scope: &str| {
            self.catalogue.iter().filter(|other| self.scope_reaches(scope, other)).count()
        };
        self.scopes
            .iter()
            .filter(|(_, scope)| scope.rules.iter().any(|rule| rule.reaches(tool)))
            .map(|(name, _)| name)
            .min_by_key(|name| reach(name))
            .map(|name| vec![name.clone()])
            .unwrap_or_default()
    }

    /// The roles that reach a tool, sorted.
    pub(super) fn roles_for(&self, tool: &CatalogueTool) -> Vec<&str> {
        let roles = self.roles().into_iter();
        roles.filter(|role| reach(self.roles.get(*role), tool)).collect()
    }

    pub(super) fn reaches(&self, identity: &Identity, tool: &CatalogueTool) -> bool {
        self.basis(identity, tool).is_some()
    }

    /// The first that reaches the tool of what is for everybody, the roles, the scopes and the
    /// grants of a caller.
    pub(super) fn basis<'a>(
        &self,
        identity: &'a Identity,
        tool: &CatalogueTool,
    ) -> Option<Basis<'a>> {
        if is_narrowed(identity, tool) {
            return None;
        }
        if self.always.contains(&tool.name) {
            return Some(Basis::Always);
        }
        let Identity { roles, scopes, grants, .. } = identity;
        let role = roles.iter().find(|role| reach(self.roles.get(*role), tool));
        let scope = || scopes.iter().find(|scope| self.scope_reaches(scope, tool));
        let grant = || grants.iter().find(|grant| Rule::parse(grant).reaches(tool));
        role.map(|role| Basis::Role(role))
            .or_else(|| scope().map(|scope| Basis::Scope(scope)))
            .or_else(|| grant().map(|grant| Basis::Grant(grant)))
    }

    fn only_reading(&self) -> impl Iterator<Item = &str> {
        let changes = |scope: &str| {
            let tools = self.catalogue.iter();
            tools.filter(|tool| self.scope_reaches(scope, tool)).any(|tool| !tool.read_only)
        };
        self.scopes().into_iter().filter(move |scope| !changes(scope))
    }

    fn scope_reaches(&self, scope: &str, tool: &CatalogueTool) -> bool {
        self.scopes.get(scope).is_some_and(|scope| {
            let implied = scope.implies.iter().map(|name| self.scopes.get(name));
            implied.into_iter().any(|scope| reach(scope.map(|scope| &scope.rules), tool))
        })
    }

    fn resolve(&self, holder: &str, section: Reach) -> Result<Vec<Rule>, PolicyError> {
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

/// Whether this one credential may not call the tool, whatever reaches it.
pub(super) fn is_narrowed(identity: &Identity, tool: &CatalogueTool) -> bool {
    identity.read_only && !tool.read_only
}

fn reach(rules: Option<&Vec<Rule>>, tool: &CatalogueTool) -> bool {
    rules.is_some_and(|rules| rules.iter().any(|rule| rule.reaches(tool)))
}

/// A scope and all that it includes, directly or through others.
fn implied(
    scope: &str,
    sections: &BTreeMap<String, ScopeSection>,
) -> Result<BTreeSet<String>, PolicyError> {
    let mut implied = BTreeSet::new();
    let mut open = vec![scope.to_owned()];
    while let Some(scope) = open.pop() {
        let section = sections.get(&scope).expect("only names that were found are put here");
        for included in &section.includes {
            if !sections.contains_key(included) {
                let included = included.clone();
                return Err(PolicyError::UnknownScope { scope, included });
            }
            if !implied.contains(included) {
                open.push(included.clone());
            }
        }
        implied.insert(scope);
    }
    Ok(implied)
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
pub fn is_scope_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    roles: BTreeMap<String, Reach>,
    #[serde(default)]
    scopes: BTreeMap<String, ScopeSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reach {
    #[serde(default)]
    tools: Vec<String>,
    #[serde(default)]
    read_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeSection {
    #[serde(default)]
    tools: Vec<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    includes: Vec<String>,
}

impl ScopeSection {
    fn reach(&self) -> Reach {
        Reach { tools: self.tools.clone(), read_only: self.read_only }
    }
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

    #[test]
    fn a_broad_scope_is_as_good_as_the_narrow_ones_in_it() {
        let text = "[scopes.list]\ntools = [\"hr_list\"]\n\
            [scopes.add]\ntools = [\"hr_add\"]\nincludes = [\"list\"]\n\
            [scopes.all]\nincludes = [\"add\", \"all\"]";
        let policy = Arc::new(Policy::parse(text, catalogue()).unwrap());
        let allowed = |scope: &str| {
            let scopes = vec![scope.to_owned()];
            let identity = Identity { scopes, ..Identity::new("jwt", "issuer", "bob") };
            policy.permit(Arc::new(identity)).allowed().join(" ")
        };
        assert_eq!(allowed("list"), "hr_list");
        assert_eq!(allowed("add"), "hr_add hr_list");
        assert_eq!(allowed("all"), "hr_add hr_list");
        assert_eq!(allowed("other"), "");
        let closure = policy.scope_closure(&["add".into(), "other".into()]);
        assert_eq!(closure, ["add", "list", "other"].map(str::to_owned).into());
        // What is asked for is still the scope that reaches it, and no more.
        let tool = policy.catalogue().get("hr_list").unwrap();
        assert_eq!(policy.scopes_for(tool), ["list"]);
        assert_eq!(policy.scopes_that_only_read(), ["list"]);
    }

    #[test]
    fn a_scope_has_a_name_that_can_be_asked_for_and_includes_what_there_is() {
        for text in [
            "[scopes.a]\nincludes = [\"b\"]",
            "[scopes.\"a b\"]\n",
            "[scopes.\"\"]\n",
            "[scopes.'a\"b']\n",
            "[scopes.'ä']\n",
        ] {
            assert!(Policy::parse(text, catalogue()).is_err(), "{text}");
        }
        assert!(Policy::parse("[roles.A]\nincludes = [\"A\"]", catalogue()).is_err());
    }
}
