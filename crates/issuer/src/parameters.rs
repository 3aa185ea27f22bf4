//! The parameters of a request (RFC 6749 §3.2), whatever form they came in.

use std::collections::BTreeMap;

use crate::refusal::Refusal;

/// The only parameter that may be repeated (RFC 8707 §2).
const REPEATABLE: &str = "resource";

/// What was sent: each name once, without what was empty. It may hold a secret, and so it
/// has no `Debug`.
#[derive(Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, String>,
    resources: Vec<String>,
}

impl Parameters {
    /// All pairs, in the order in which they were sent.
    pub(crate) fn collect(
        pairs: impl IntoIterator<Item = Result<(String, String), Refusal>>,
    ) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        for pair in pairs {
            let (name, value) = pair?;
            if name == REPEATABLE {
                parameters.resources.push(value);
            } else if parameters.values.insert(name, value).is_some() {
                return Err(Refusal::invalid_request("a parameter was sent more than once"));
            }
        }
        // A parameter without a value counts as omitted (RFC 6749 §3.2).
        parameters.values.retain(|_, value| !value.is_empty());
        parameters.resources.retain(|resource| !resource.is_empty());
        Ok(parameters)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn resources(&self) -> &[String] {
        &self.resources
    }
}

/// Both are visible to tests alone: what is read can be compared and written again.
#[cfg(test)]
impl Parameters {
    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        let values = self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        values.chain(self.resources.iter().map(|value| (REPEATABLE, value.as_str()))).collect()
    }
}
