//! `key=value …` on the command line, as the arguments of a tool.

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::Error;

/// Makes a tool's arguments of `key=value` pairs.
///
/// A value that is JSON is taken as JSON (`3`, `true`, `null`, `[1,2]`, `"3"`), any other as
/// text, so that `location=London` needs no quotes.
///
/// # Errors
/// When a pair has no `=` or no key, or a key is given twice.
pub fn arguments(pairs: &[String]) -> Result<JsonObject, Error> {
    let mut arguments = JsonObject::new();
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Error::Usage(format!(
                "'{pair}' is not key=value: write an argument as in location=London."
            )));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        if arguments.insert(key.to_owned(), value).is_some() {
            return Err(Error::Usage(format!("'{key}' is given twice: give it once.")));
        }
    }
    Ok(arguments)
}

/// Reads what follows `--args`.
///
/// # Errors
/// When it is not a JSON object.
pub(crate) fn parse_object(text: &str) -> Result<JsonObject, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::Usage(format!("--args takes a JSON object such as '{{\"limit\":3}}': {error}."))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(pairs: &[&str]) -> Result<Value, Error> {
        let pairs: Vec<String> = pairs.iter().map(ToString::to_string).collect();
        arguments(&pairs).map(Value::Object)
    }

    #[test]
    fn values_keep_their_json_type_and_the_rest_is_text() {
        let pairs = ["n=3", "on=true", "none=null", "list=[1,2]", "text=\"3\"", "city=New York"];
        let expected = json!({
            "n": 3, "on": true, "none": null, "list": [1, 2], "text": "3", "city": "New York",
        });
        assert_eq!(parsed(&pairs).unwrap(), expected);
    }

    #[test]
    fn only_the_first_equals_sign_separates() {
        assert_eq!(parsed(&["q=a=b", "empty="]).unwrap(), json!({"q": "a=b", "empty": ""}));
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for pairs in [&["London"][..], &["=x"], &["a=1", "a=2"]] {
            assert!(parsed(pairs).is_err(), "{pairs:?}");
        }
        assert!(parse_object("[1]").is_err());
    }
}
