//! Which tools a server has.

use std::collections::BTreeMap;

use crate::tool::Tool;
use crate::{Weather, crm, hr, payments, projects, shopping, time, weather, whoami};

/// The tools of one server, built once and shared by all requests.
pub struct Kit {
    /// Sorted by name, so that every `tools/list` has the same order.
    tools: BTreeMap<String, Tool>,
    instructions: &'static str,
}

impl Kit {
    /// What a person needs: `whoami`, time, weather, the caller's own payments, and the
    /// shopping list that all share.
    pub fn personal(weather: Weather) -> Self {
        Self::of(
            "Personal tools: time, weather, the payments of the caller alone, and a shopping \
             list that all callers share. whoami says who you are and what you may call.",
            [
                whoami::tools(),
                time::tools(),
                weather::tools(weather),
                payments::tools(),
                shopping::tools(),
            ],
        )
    }

    /// What a company needs: `whoami`, time, staff, projects and customers.
    pub fn business() -> Self {
        Self::of(
            "Business tools: staff and leave (hr_*), projects and their tasks (project_*), \
             customers (crm_*). Your role decides which of them you have: whoami says so.",
            [whoami::tools(), time::tools(), hr::tools(), projects::tools(), crm::tools()],
        )
    }

    pub(crate) fn instructions(&self) -> &'static str {
        self.instructions
    }

    /// All tools, sorted by name.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values()
    }

    pub(crate) fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.get(name)
    }

    /// # Panics
    /// Two areas name a tool alike: a mistake in this crate that its tests show.
    fn of<const AREAS: usize>(instructions: &'static str, areas: [Vec<Tool>; AREAS]) -> Self {
        let mut tools = BTreeMap::new();
        for tool in areas.into_iter().flatten() {
            let name = tool.listed.name.to_string();
            let former = tools.insert(name, tool);
            assert!(former.is_none(), "two tools have one name: {:?}", former.map(|t| t.listed));
        }
        Self { tools, instructions }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn kits() -> [Kit; 2] {
        [Kit::personal(Weather::sample()), Kit::business()]
    }

    #[test]
    fn each_kit_has_its_tools() {
        let [personal, business] = kits().map(|kit| kit.tools().count());
        assert_eq!((personal, business), (10, 22));
    }

    #[test]
    fn model_providers_accept_every_name() {
        for kit in kits() {
            for tool in kit.tools() {
                let name = &tool.listed.name;
                let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(name.chars().all(fits) && name.len() <= 64, "{name}");
            }
        }
    }

    #[test]
    fn every_tool_says_all_there_is_to_say() {
        for kit in kits() {
            for tool in kit.tools() {
                let listed = &tool.listed;
                let notes = listed.annotations.as_ref().expect("annotations");
                assert!(notes.read_only_hint.is_some() && notes.destructive_hint.is_some());
                assert!(notes.idempotent_hint.is_some() && notes.open_world_hint.is_some());
                assert!(listed.description.as_ref().is_some_and(|text| text.len() > 40));
                let output = listed.output_schema.as_ref().expect("an output schema");
                assert_eq!(output["type"], "object", "{}", listed.name);
            }
        }
    }

    /// `arguments` reads these keywords; a schema with another would go unchecked.
    #[test]
    fn every_input_schema_is_one_that_arguments_can_check() {
        let known = [
            "default",
            "description",
            "enum",
            "format",
            "maxLength",
            "maximum",
            "minLength",
            "minimum",
            "type",
        ];
        for kit in kits() {
            for tool in kit.tools() {
                let (name, schema) = (&tool.listed.name, &tool.listed.input_schema);
                assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{name}");
                let fields = schema.get("properties").and_then(Value::as_object);
                for (field, rule) in fields.into_iter().flatten() {
                    let rule = rule.as_object().unwrap();
                    assert!(rule.contains_key("description"), "{name}.{field} is not described");
                    assert!(rule.contains_key("type"), "{name}.{field}: {rule:?}");
                    for keyword in rule.keys() {
                        assert!(known.contains(&keyword.as_str()), "{name}.{field}: {keyword}");
                    }
                    let is_text = rule["type"].to_string().contains("string");
                    let bounded = ["maxLength", "enum"].iter().any(|word| rule.contains_key(*word))
                        || rule.get("format").is_some_and(|format| format == "date");
                    assert!(!is_text || bounded, "{name}.{field} has no bound: {rule:?}");
                }
            }
        }
    }
}
