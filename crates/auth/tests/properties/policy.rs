//! The policy file: TOML of one shape, in which every rule reaches a tool that is there.

use std::sync::Arc;

use mcp_auth::Identity;
use mcp_auth::authz::{Catalogue, CatalogueTool, Permit, Policy, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::cases;
use super::spelling::spell;

/// Names of tools, and whether each only reads.
const TOOLS: [(&str, bool); 4] =
    [("get_time", true), ("hr_add", false), ("hr_list", true), ("whoami", true)];

/// What TOML and rules are made of.
const MARKS: [char; 8] = ['"', '[', ']', '=', '\n', '#', '.', '*'];

#[derive(Clone, Debug)]
struct Section {
    kind: &'static str,
    holder: String,
    tools: Vec<&'static str>,
    read_only: Option<bool>,
    /// The scopes that it includes, by their place among the sections.
    includes: Vec<usize>,
    /// A line that belongs there or does not.
    more: &'static str,
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_policy_gives_what_it_says_and_nothing_else(sections in sections()) {
        let text = write(&sections);
        let right = sections.iter().all(|section| section.is_right(&sections));
        match Policy::parse(&text, catalogue()) {
            Err(_) => prop_assert!(!right, "refused:\n{}", text),
            Ok(policy) => {
                prop_assert!(right, "taken:\n{}", text);
                let policy = Arc::new(policy);
                for section in &sections {
                    let permit = permit(&policy, section.kind, &section.holder);
                    for (tool, reads) in TOOLS {
                        let mut all = section.all(&sections).into_iter();
                        let right = all.any(|one| one.reaches(tool, reads));
                        prop_assert_eq!(permit.allows(tool), right, "{} in\n{}", tool, text);
                        helps(&policy, &permit, tool)?;
                    }
                }
                let none = permit(&policy, "roles", "nobody");
                prop_assert_eq!(none.allowed(), Vec::<&str>::new());
            }
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}") {
        prop_assert!(Policy::parse(&text, catalogue()).is_err() || shape(&text));
    }

    #[test]
    fn a_damaged_policy_is_refused_or_is_still_one(
        sections in sections(),
        at in any::<Index>(),
        letter in prop_oneof![any::<char>(), select(MARKS.to_vec())],
    ) {
        let mut letters: Vec<char> = write(&sections).chars().collect();
        letters.insert(at.index(letters.len() + 1), letter);
        let text: String = letters.into_iter().collect();
        let taken = Policy::parse(&text, catalogue()).is_ok();
        prop_assert!(!taken || shape(&text), "taken:\n{}", text);
    }
}

/// What a challenge names would help, all by itself.
fn helps(policy: &Arc<Policy>, permit: &Permit, tool: &str) -> Result<(), TestCaseError> {
    if let Verdict::InsufficientScope(scopes) = permit.judge(tool) {
        let mut asker = Identity::new("jwt", "issuer", "bob");
        asker.scopes = scopes;
        prop_assert!(policy.permit(Arc::new(asker)).allows(tool));
    }
    Ok(())
}

fn permit(policy: &Arc<Policy>, kind: &str, holder: &str) -> Permit {
    let mut identity = Identity::new("jwt", "issuer", "bob");
    match kind {
        "roles" => identity.roles.push(holder.to_owned()),
        _ => identity.scopes.push(holder.to_owned()),
    }
    policy.permit(Arc::new(identity))
}

fn catalogue() -> Catalogue {
    TOOLS
        .map(|(name, read_only)| CatalogueTool { name: name.to_owned(), read_only })
        .into_iter()
        .collect()
}

fn write(sections: &[Section]) -> String {
    sections.iter().map(|section| section.write(sections)).collect()
}

impl Section {
    fn write(&self, sections: &[Section]) -> String {
        let tools: Vec<String> = self.tools.iter().map(|tool| spell(tool, 0)).collect();
        let read_only =
            self.read_only.map(|yes| format!("read_only = {yes}\n")).unwrap_or_default();
        let Self { kind, holder, more, .. } = self;
        let holder = spell(holder, 0);
        let included = self.includes.iter().map(|at| spell(included(*at, sections), 0));
        let included = included.collect::<Vec<_>>().join(", ");
        let includes = match kind {
            &"scopes" => format!("includes = [{included}]\n"),
            _ => String::new(),
        };
        let tools = tools.join(", ");
        format!("[{kind}.{holder}]\ntools = [{tools}]\n{read_only}{includes}{more}\n")
    }

    /// It and, of a scope, all that it includes, and what those include.
    fn all<'a>(&'a self, sections: &'a [Section]) -> Vec<&'a Section> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(section) = all.get(next).filter(|section| section.kind == "scopes") {
            for at in &section.includes {
                let name = included(*at, sections);
                let scope = sections.iter().find(|one| one.kind == "scopes" && one.holder == name);
                let new = |one: &&Section| !all.iter().any(|known| std::ptr::eq(*known, *one));
                all.extend(scope.filter(new));
            }
            next += 1;
        }
        all
    }

    fn is_right(&self, sections: &[Section]) -> bool {
        let is_scope =
            |name: &str| sections.iter().any(|one| one.kind == "scopes" && one.holder == name);
        let scope = self.kind != "scopes"
            || (self.holder.is_ascii()
                && self.includes.iter().all(|at| is_scope(included(*at, sections))));
        self.kind != "role"
            && scope
            && self.more.is_empty()
            && self.tools.iter().all(|rule| TOOLS.iter().any(|(tool, _)| names(rule, tool)))
    }

    fn reaches(&self, tool: &str, reads: bool) -> bool {
        self.tools.iter().any(|rule| names(rule, tool)) || (self.read_only == Some(true) && reads)
    }
}

/// The name of the section that stands there, or one that no section has.
fn included(at: usize, sections: &[Section]) -> &str {
    sections.get(at).map_or("nobody", |section| &section.holder)
}

/// A rule is a whole name, or the start of one and a `*`.
fn names(rule: &str, tool: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(start) => tool.starts_with(start),
        None => rule == tool,
    }
}

/// Tables of tables of what a section may hold, by a reader that knows no policy.
fn shape(text: &str) -> bool {
    let Ok(file) = text.parse::<toml::Table>() else { return false };
    file.iter().all(|(kind, sections)| {
        let known = matches!(kind.as_str(), "roles" | "scopes");
        let scopes = kind == "scopes";
        known
            && sections.as_table().is_some_and(|all| {
                all.iter().all(|(name, section)| {
                    section_shape(section, scopes.then_some(all))
                        && (!scopes || (!name.is_empty() && name.bytes().all(in_a_scope)))
                })
            })
    })
}

/// RFC 6749 §3.3: `%x21 / %x23-5B / %x5D-7E`
fn in_a_scope(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

fn section_shape(section: &toml::Value, scopes: Option<&toml::Table>) -> bool {
    let reaches = |rule: &toml::Value| {
        rule.as_str().is_some_and(|rule| TOOLS.iter().any(|(tool, _)| names(rule, tool)))
    };
    section.as_table().is_some_and(|fields| {
        fields.iter().all(|(field, value)| match field.as_str() {
            "tools" => value.as_array().is_some_and(|rules| rules.iter().all(reaches)),
            "read_only" => value.is_bool(),
            "includes" => scopes.is_some_and(|scopes| {
                let there =
                    |name: &toml::Value| name.as_str().is_some_and(|n| scopes.contains_key(n));
                value.as_array().is_some_and(|names| names.iter().all(there))
            }),
            _ => false,
        })
    })
}

/// Sections of different holders: a holder that is there twice is no TOML.
fn sections() -> impl Strategy<Value = Vec<Section>> {
    let right = ["get_time", "hr_add", "hr_list", "whoami", "hr_*", "*", "get*", "w*"];
    let wrong = ["crm_*", "", "read_only", "HR_list", "hr_list ", "hr_**", "hr*list", "*hr"];
    let rule = prop_oneof![12 => select(right.to_vec()), 1 => select(wrong.to_vec())];
    let odd = select(vec!["allow = true", "read_only = 1", "tools = []", "x.y = 1"]);
    let more = prop_oneof![12 => Just(""), 1 => odd];
    let kind = prop_oneof![6 => Just("roles"), 6 => Just("scopes"), 1 => Just("role")];
    let holder = prop_oneof![12 => "[a-zA-Z:._-]{1,6}", 1 => "é"];
    let includes = vec(0..5_usize, 0..2);
    let section = (kind, holder, vec(rule, 0..4), any::<Option<bool>>(), includes, more);
    vec(section, 0..6).prop_map(|sections| {
        let mut taken: Vec<Section> = Vec::new();
        for (kind, holder, tools, read_only, includes, more) in sections {
            let holder = format!("{holder}{}", taken.len());
            taken.push(Section { kind, holder, tools, read_only, includes, more });
        }
        taken
    })
}
