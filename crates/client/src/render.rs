//! A tool's answer as text for people.

use rmcp::model::CallToolResult;
use serde_json::{Map, Value};

/// The lines that show a result: its text, or, where the text is only JSON, what it holds.
pub(crate) fn result_lines(result: &CallToolResult) -> Vec<String> {
    let texts = result.content.iter().filter_map(|block| block.as_text());
    let text = texts.map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n");
    let is_json = serde_json::from_str::<Value>(&text).is_ok_and(|value| !value.is_string());
    match &result.structured_content {
        Some(value) if text.is_empty() || is_json => value_lines(value),
        _ => text.lines().map(str::to_owned).collect(),
    }
}

/// The lines that show a JSON value: members below each other, lists of records as tables.
pub(crate) fn value_lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => object_lines(members),
        Value::Array(items) if items.iter().all(Value::is_object) && !items.is_empty() => {
            table_lines(items)
        }
        other => vec![scalar(other)],
    }
}

/// Rows whose columns stand under each other.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn object_lines(members: &Map<String, Value>) -> Vec<String> {
    let is_nested = |value: &Value| match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_object),
        _ => false,
    };
    let width = members.iter().filter(|(_, value)| !is_nested(value));
    let width = width.map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (name, value) in members {
        if is_nested(value) {
            lines.push(name.clone());
            lines.extend(value_lines(value).into_iter().map(|line| format!("  {line}")));
        } else {
            lines.push(format!("{name:<width$}  {}", scalar(value)).trim_end().to_owned());
        }
    }
    lines
}

fn table_lines(items: &[Value]) -> Vec<String> {
    let mut names: Vec<&String> = Vec::new();
    for name in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut rows = vec![names.iter().map(ToString::to_string).collect()];
    for item in items {
        rows.push(names.iter().map(|name| scalar(&item[name.as_str()])).collect());
    }
    columns(&rows)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_stand_under_each_other() {
        let value = json!({"user": "bob", "tools": ["a", "b"], "refused": [], "until": null});
        let mut lines = value_lines(&value);
        lines.sort();
        assert_eq!(lines, ["refused  none", "tools    a, b", "until    -", "user     bob"]);
    }

    #[test]
    fn words_for_people_are_preferred_to_json() {
        let value = json!({"time": "12:00"});
        let mut result = CallToolResult::structured(value);
        assert_eq!(result_lines(&result), ["time  12:00"]);
        result.content = vec![rmcp::model::ContentBlock::text("It is noon.")];
        assert_eq!(result_lines(&result), ["It is noon."]);
    }

    #[test]
    fn records_become_a_table() {
        let value = json!([{"from": "bob", "sum": 100}, {"from": "alice", "sum": 5}]);
        assert_eq!(value_lines(&value), ["from   sum", "bob    100", "alice  5"]);
    }
}
