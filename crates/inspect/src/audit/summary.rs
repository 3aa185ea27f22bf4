//! How many of each.

use std::collections::HashMap;

use audit::{Record, escaped, printable};
use serde_json::{Map, Value, json};

/// How many names are shown of each kind.
const MOST: usize = 20;

/// Counts lines.
#[derive(Default)]
pub(crate) struct Summary {
    decisions: u64,
    since: Option<String>,
    until: Option<String>,
    /// Refusals of strangers that have no line of their own.
    unwritten: u64,
    /// Decisions that have none because the file could not be written.
    lost: u64,
    by_decision: HashMap<String, u64>,
    by_rule: HashMap<String, u64>,
    by_tool: HashMap<String, u64>,
    by_user: HashMap<String, u64>,
}

impl Summary {
    pub(crate) fn add(&mut self, record: &Record) {
        self.unwritten += record.refused.unwrap_or(0);
        self.lost += record.lost.unwrap_or(0);
        let Some(decision) = &record.decision else { return };
        self.decisions += 1;
        self.since.get_or_insert_with(|| record.time.clone());
        self.until = Some(record.time.clone());
        let count = |names: &mut HashMap<String, u64>, name: Option<&String>| {
            if let Some(name) = name {
                *names.entry(name.clone()).or_default() += 1;
            }
        };
        count(&mut self.by_decision, Some(decision));
        count(&mut self.by_rule, record.rule.as_ref());
        count(&mut self.by_tool, record.tool.as_ref());
        count(&mut self.by_user, record.user.as_ref());
    }

    pub(crate) fn render(&self, as_json: bool) -> anyhow::Result<String> {
        if as_json {
            return Ok(escaped(&serde_json::to_string_pretty(&self.document())?) + "\n");
        }
        let mut text = format!("{} decisions", self.decisions);
        if let (Some(since), Some(until)) = (&self.since, &self.until) {
            text.push_str(&format!(" from {} to {}", printable(since), printable(until)));
        }
        text.push('\n');
        for (count, what) in [
            (self.unwritten, "more refusals of strangers were counted and not written one by one"),
            (self.lost, "more were lost because the file could not be written"),
        ] {
            if count > 0 {
                text.push_str(&format!("{count} {what}\n"));
            }
        }
        for (heading, names) in self.kinds() {
            let sorted = sorted(names);
            if sorted.is_empty() {
                continue;
            }
            text.push_str(&format!("\nby {heading}\n"));
            for (name, count) in sorted.iter().take(MOST) {
                text.push_str(&format!("{count:>8}  {}\n", printable(name)));
            }
            if sorted.len() > MOST {
                text.push_str(&format!("          and {} more\n", sorted.len() - MOST));
            }
        }
        Ok(text)
    }

    fn kinds(&self) -> [(&'static str, &HashMap<String, u64>); 4] {
        [
            ("decision", &self.by_decision),
            ("rule", &self.by_rule),
            ("tool", &self.by_tool),
            ("user", &self.by_user),
        ]
    }

    fn document(&self) -> Value {
        let mut document = json!({
            "decisions": self.decisions,
            "since": self.since,
            "until": self.until,
            "refusals_not_written": self.unwritten,
            "lost": self.lost,
        });
        for (heading, names) in self.kinds() {
            let counts = sorted(names).into_iter();
            let counts = counts.map(|(name, count)| (name.clone(), count.into()));
            document[format!("by_{heading}")] = Value::Object(counts.collect::<Map<_, _>>());
        }
        document
    }
}

/// The most frequent first.
fn sorted(names: &HashMap<String, u64>) -> Vec<(&String, u64)> {
    let mut sorted: Vec<_> = names.iter().map(|(name, count)| (name, *count)).collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    sorted
}
