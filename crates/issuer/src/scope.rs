//! Which scopes a client may have (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::sync::Arc;

use mcp_auth::authz::is_scope_token;

use crate::refusal::Refusal;

/// From the scopes that a client was given to all that they amount to: themselves, and
/// whatever narrower ones they imply.
pub type ScopeClosure = Arc<dyn Fn(&[String]) -> BTreeSet<String> + Send + Sync>;

/// Every scope stands for itself alone.
pub(crate) fn no_hierarchy() -> ScopeClosure {
    Arc::new(|given| given.iter().cloned().collect())
}

/// What was asked for, or all that the client was given if nothing was.
///
/// This alone decides which scopes a client may have: those in the closure of what it was given.
pub(crate) fn grant<'a>(
    asked: Option<&'a str>,
    given: &'a [String],
    closure: &ScopeClosure,
) -> Result<Vec<&'a str>, Refusal> {
    let Some(asked) = asked else {
        return Ok(given.iter().map(String::as_str).collect());
    };
    let may_have = closure(given);
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split(' ') {
        if !is_scope_token(scope) {
            return Err(Refusal::malformed_scope());
        }
        // A scope that there is and one that there is not are told the same.
        if !may_have.contains(scope) {
            return Err(Refusal::invalid_scope());
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(asked: &str, given: &[String]) -> String {
        let refusal = grant(Some(asked), given, &no_hierarchy()).expect_err(asked);
        assert_eq!((refusal.status().as_u16(), refusal.error()), (400, "invalid_scope"));
        refusal.reason().to_owned()
    }

    #[test]
    fn no_more_scopes_than_there_are() {
        let given = ["a:read".to_owned(), "b:read".to_owned()];
        let grant = |asked| grant(asked, &given, &no_hierarchy()).ok().unwrap();
        assert_eq!(grant(None), ["a:read", "b:read"]);
        assert_eq!(grant(Some("b:read b:read")), ["b:read"]);
        for asked in ["c:read", "a:read c:read", "A:read", "a:*"] {
            assert!(reason(asked, &given).contains("does not have"), "{asked}");
        }
        for asked in
            ["a:read  b:read", " a:read", "a:read ", " ", "a:read\t", "a\0", "a\u{e9}", "\"", "\\"]
        {
            assert!(reason(asked, &given).contains("scope-token"), "{asked:?}");
        }
    }

    #[test]
    fn a_broader_scope_implies_the_narrower_one_and_not_the_other_way() {
        let closure: ScopeClosure = Arc::new(|given| {
            let mut all: BTreeSet<String> = given.iter().cloned().collect();
            if all.contains("a:write") {
                all.insert("a:read".to_owned());
            }
            all
        });
        let broad = ["a:write".to_owned()];
        assert_eq!(grant(Some("a:read"), &broad, &closure).ok().unwrap(), ["a:read"]);
        assert_eq!(grant(None, &broad, &closure).ok().unwrap(), ["a:write"]);
        assert!(grant(Some("a:write"), &["a:read".to_owned()], &closure).is_err());
    }
}
