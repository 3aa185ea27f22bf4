//! One caller's rights under one policy.

use std::sync::Arc;

use super::Policy;
use super::policy::is_narrowed;
use crate::audit::Basis;
use crate::{Identity, Rejection};

/// One caller's rights under one policy snapshot.
///
/// Only [`Policy::permit`] makes one. Layer and handler hold clones of the same Permit,
/// so a policy that is reloaded between them cannot split them.
#[derive(Clone, Debug)]
pub struct Permit {
    policy: Arc<Policy>,
    identity: Arc<Identity>,
}

/// What a [`Permit`] says of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller may call it.
    Allowed,
    /// A token with these scopes could call it (RFC 6750 §3.1 `insufficient_scope`).
    InsufficientScope(Vec<String>),
    /// The caller lacks a role or a grant, and no new token would help.
    NotGranted,
    /// The server has no tool of that name.
    UnknownTool,
}

impl Permit {
    pub(super) fn new(policy: Arc<Policy>, identity: Arc<Identity>) -> Self {
        Self { policy, identity }
    }

    /// Whether the caller may list and call this tool. `false` for a tool that is not there.
    pub fn allows(&self, tool: &str) -> bool {
        self.judge(tool) == Verdict::Allowed
    }

    /// The same with the reason.
    pub fn judge(&self, tool: &str) -> Verdict {
        let Some(tool) = self.policy.catalogue().get(tool) else {
            return Verdict::UnknownTool;
        };
        if self.policy.reaches(&self.identity, tool) {
            return Verdict::Allowed;
        }
        if is_narrowed(&self.identity, tool) {
            return Verdict::NotGranted;
        }
        match self.policy.scopes_for(tool) {
            scopes if scopes.is_empty() => Verdict::NotGranted,
            scopes => Verdict::InsufficientScope(scopes),
        }
    }

    /// What lets the caller call this tool: the first rule that reaches it. `None` if none does.
    pub fn basis(&self, tool: &str) -> Option<Basis<'_>> {
        self.policy.basis(&self.identity, self.policy.catalogue().get(tool)?)
    }

    /// The same, with what is not granted as the refusal to answer.
    ///
    /// # Errors
    /// A 403 whose reason for the log says what was expected and what was found.
    pub fn check(&self, tool: &str) -> Result<Verdict, Rejection> {
        match self.judge(tool) {
            verdict @ (Verdict::Allowed | Verdict::UnknownTool) => Ok(verdict),
            Verdict::InsufficientScope(scopes) => {
                let found = &self.identity.scopes;
                let reason = format!("tool {tool}: expected one of {scopes:?}, found {found:?}");
                Err(Rejection::insufficient_scope(tool, scopes, reason))
            }
            Verdict::NotGranted if self.is_narrowed(tool) => {
                let reason =
                    format!("tool {tool}: it changes something, and the credential is read-only");
                Err(Rejection::not_granted(tool, reason))
            }
            Verdict::NotGranted => {
                let Identity { roles, grants, .. } = &*self.identity;
                let known = self.policy.catalogue().get(tool);
                let expected = known.map(|tool| self.policy.roles_for(tool)).unwrap_or_default();
                let reason = format!(
                    "tool {tool}: expected one of the roles {expected:?} or a grant that reaches \
                     it, found the roles {roles:?} and the grants {grants:?}"
                );
                Err(Rejection::not_granted(tool, reason))
            }
        }
    }

    /// All tools that the caller may call, sorted.
    pub fn allowed(&self) -> Vec<&str> {
        self.names(true)
    }

    /// All tools that are there and that the caller may not call, sorted.
    pub fn refused(&self) -> Vec<&str> {
        self.names(false)
    }

    /// Who holds these rights.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The Permit that the layer put into a request, if authorization ran.
    pub fn of(extensions: &http::Extensions) -> Option<&Self> {
        extensions.get::<Self>()
    }

    fn is_narrowed(&self, tool: &str) -> bool {
        let tool = self.policy.catalogue().get(tool);
        tool.is_some_and(|tool| is_narrowed(&self.identity, tool))
    }

    fn names(&self, allowed: bool) -> Vec<&str> {
        let tools = self.policy.catalogue().iter();
        tools.map(|tool| tool.name.as_str()).filter(|name| self.allows(name) == allowed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authz::catalogue::CatalogueTool;

    #[test]
    fn a_credential_that_is_read_only_changes_nothing_whatever_else_reaches() {
        let text = "[roles.A]\ntools = [\"*\"]\n[scopes.a]\ntools = [\"*\"]";
        let catalogue = [("hr_list", true), ("hr_add", false)]
            .map(|(name, read_only)| CatalogueTool { name: name.to_owned(), read_only });
        let policy = Policy::parse(text, catalogue.into_iter().collect()).unwrap();
        let policy = Arc::new(policy.always("hr_add").unwrap());
        let all = || vec!["*".to_owned()];
        for (roles, scopes, grants) in [
            (vec!["A".to_owned()], vec![], vec![]),
            (vec![], vec!["a".to_owned()], vec![]),
            (vec![], vec![], all()),
            (vec![], vec![], vec![]),
        ] {
            let identity = |read_only| {
                let (roles, scopes, grants) = (roles.clone(), scopes.clone(), grants.clone());
                let nobody = Identity::new("apikey", "keys", "bob");
                Arc::new(Identity { roles, scopes, grants, read_only, ..nobody })
            };
            assert!(policy.permit(identity(false)).allows("hr_add"));
            let narrowed = policy.permit(identity(true));
            assert!(!narrowed.allowed().contains(&"hr_add"));
            assert_eq!(narrowed.judge("hr_add"), Verdict::NotGranted);
            assert!(narrowed.check("hr_add").unwrap_err().reason().contains("read-only"));
            let reads = narrowed.allows("hr_list");
            assert_eq!(reads, policy.permit(identity(false)).allows("hr_list"));
        }
    }
}
