//! What a call carries, checked against the tool's own schema before the tool sees it.
//!
//! A typed parse stops at the first mistake. Whoever calls wants all of them at once, so
//! this reads the schema that `tools/list` shows and collects every problem.

use jiff::civil::Date;
use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// No list of problems is longer; the rest is counted.
const MOST_SHOWN: usize = 12;

/// Reads `arguments` as an `I`, or says in one text everything that is wrong with them.
pub(crate) fn parse<I: DeserializeOwned>(
    schema: &JsonObject,
    arguments: JsonObject,
) -> Result<I, String> {
    let problems = problems(schema, &arguments);
    if !problems.is_empty() {
        return Err(sentence(&problems));
    }
    serde_json::from_value(Value::Object(arguments)).map_err(|error| sentence(&[error.to_string()]))
}

fn problems(schema: &JsonObject, arguments: &JsonObject) -> Vec<String> {
    let none = JsonObject::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required = schema.get("required").and_then(Value::as_array);
    let missing = required.into_iter().flatten().filter_map(Value::as_str);
    let missing = missing
        .filter(|name| !arguments.contains_key(*name))
        .map(|name| format!("\"{name}\" is missing"));
    let wrong = arguments.iter().filter_map(|(name, value)| match fields.get(name) {
        Some(field) if fits(field, value) => None,
        Some(field) => {
            Some(format!("\"{name}\" must be {}, got {}", expected(field), shown(value)))
        }
        None => {
            let name = shortened(name);
            Some(format!("\"{name}\" is not a field of this tool (it has {})", names(fields)))
        }
    });
    missing.chain(wrong).collect()
}

fn sentence(problems: &[String]) -> String {
    let count = match problems.len() {
        1 => "1 problem, and nothing was done".to_owned(),
        n => format!("{n} problems, and nothing was done"),
    };
    let mut text = format!("{count}: {}", problems[..problems.len().min(MOST_SHOWN)].join("; "));
    if problems.len() > MOST_SHOWN {
        text.push_str(&format!("; and {} more", problems.len() - MOST_SHOWN));
    }
    text
}

fn fits(field: &Value, value: &Value) -> bool {
    let types = types(field);
    match value {
        Value::Null => types.contains(&"null"),
        Value::String(text) => types.contains(&"string") && text_fits(field, text),
        Value::Bool(_) => types.contains(&"boolean"),
        Value::Number(number) => {
            types.contains(&"integer")
                && number.as_i64().is_some_and(|number| {
                    bound(field, "minimum").is_none_or(|least| number >= least)
                        && bound(field, "maximum").is_none_or(|most| number <= most)
                })
        }
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn text_fits(field: &Value, text: &str) -> bool {
    if let Some(choices) = field.get("enum").and_then(Value::as_array) {
        return choices.iter().any(|choice| choice == text);
    }
    let format_fits = match field.get("format").and_then(Value::as_str) {
        Some("date") => text.parse::<Date>().is_ok(),
        Some("email") => is_email(text),
        _ => true,
    };
    let letters = i64::try_from(text.trim().chars().count()).unwrap_or(i64::MAX);
    format_fits
        && bound(field, "minLength").is_none_or(|least| letters >= least)
        && bound(field, "maxLength").is_none_or(|most| {
            i64::try_from(text.chars().count()).is_ok_and(|letters| letters <= most)
        })
}

/// Enough to catch a name in the wrong field; whether mail arrives, only mail can tell.
fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    let clean = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    clean(name) && clean(domain)
}

fn expected(field: &Value) -> String {
    if let Some(choices) = field.get("enum").and_then(Value::as_array) {
        let choices: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", choices.join(", "));
    }
    let types = types(field);
    if types.contains(&"integer") {
        return match (bound(field, "minimum"), bound(field, "maximum")) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            (Some(least), None) => format!("a whole number ≥ {least}"),
            (None, Some(most)) => format!("a whole number ≤ {most}"),
            (None, None) => "a whole number".to_owned(),
        };
    }
    if types.contains(&"boolean") {
        return "true or false".to_owned();
    }
    match field.get("format").and_then(Value::as_str) {
        Some("date") => "a date like 2026-03-31".to_owned(),
        Some("email") => "an e-mail address like bob@example.com".to_owned(),
        _ => match bound(field, "maxLength") {
            Some(most) => format!("a text of 1 to {most} characters"),
            None => "a text".to_owned(),
        },
    }
}

fn types(field: &Value) -> Vec<&str> {
    match field.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn bound(field: &Value, keyword: &str) -> Option<i64> {
    field.get(keyword).and_then(Value::as_i64)
}

fn names(fields: &JsonObject) -> String {
    if fields.is_empty() {
        return "none".to_owned();
    }
    fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value) -> String {
    shortened(&value.to_string())
}

/// What came in is quoted back, but never at length.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rmcp::handler::server::tool::schema_for_input;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Input {
        #[schemars(length(min = 1, max = 5))]
        name: String,
        #[schemars(range(min = 1, max = 10))]
        #[serde(default)]
        limit: u32,
        #[schemars(extend("format" = "email"))]
        mail: Option<String>,
        due: Option<Date>,
        state: Option<State>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[schemars(inline)]
    enum State {
        Open,
        Shut,
    }

    fn read(arguments: Value) -> Result<Input, String> {
        let Value::Object(arguments) = arguments else { panic!("an object") };
        parse(&schema_for_input::<Input>().unwrap(), arguments)
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let text = read(json!({
            "limit": "x", "mail": "bob", "due": "31.3.", "state": "ajar", "foo": 1
        }))
        .unwrap_err();
        for part in [
            "6 problems, and nothing was done: ",
            "\"name\" is missing",
            "\"limit\" must be a whole number from 1 to 10, got \"x\"",
            "\"mail\" must be an e-mail address like bob@example.com, got \"bob\"",
            "\"due\" must be a date like 2026-03-31, got \"31.3.\"",
            "\"state\" must be one of open, shut, got \"ajar\"",
            "\"foo\" is not a field of this tool (it has due, limit, mail, name, state)",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }

    #[test]
    fn bounds_hold() {
        for wrong in [
            json!({"name": ""}),
            json!({"name": "  "}),
            json!({"name": "sixsix"}),
            json!({"name": null}),
            json!({"name": ["a"]}),
            json!({"name": "a", "limit": 0}),
            json!({"name": "a", "limit": 11}),
            json!({"name": "a", "limit": 1.5}),
            json!({"name": "a", "limit": u64::MAX}),
            json!({"name": "a", "mail": "a@b@c"}),
            json!({"name": "a", "due": "2026-02-30"}),
        ] {
            let text = read(wrong.clone()).unwrap_err();
            assert!(text.starts_with("1 problem, "), "{wrong}: {text}");
        }
    }

    #[test]
    fn what_fits_arrives() {
        let input = read(json!({
            "name": "äöüß€", "limit": 10, "mail": "bob@example.com", "due": "2026-03-31", "state": "shut"
        }))
        .unwrap();
        assert_eq!((input.name.as_str(), input.limit), ("äöüß€", 10));
        assert_eq!(input.mail.as_deref(), Some("bob@example.com"));
        assert!(matches!(input.state, Some(State::Shut)));
        assert_eq!(input.due.unwrap().to_string(), "2026-03-31");
        assert!(read(json!({"name": "a", "state": null, "due": null})).is_ok());
    }

    #[test]
    fn a_flood_of_wrong_fields_is_cut_short() {
        let flood: JsonObject = (0..5000).map(|n| (format!("{n:0>200}"), json!(n))).collect();
        let text = read(Value::Object(flood)).unwrap_err();
        assert!(text.starts_with("5001 problems") && text.ends_with("and 4989 more"), "{text}");
        assert!(text.len() < 2000, "{}", text.len());
    }
}
