//! Lists of scopes in a token, against RFC 6749 §3.3.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::cases;
use super::jwt::{Forge, GOOD_HEADER, good_claims};

const GAPS: [&str; 11] = [" ", "  ", "\t", "\n", ",", "\u{a0}", "\u{2003}", "\0", "\"", "+", "é"];

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_list_is_read_as_the_grammar_has_it(scopes in vec("[!#-\\[\\]-~]{1,12}", 1..6)) {
        let list = scopes.join(" ");
        prop_assert_eq!(read(&list), Some(scopes));
    }

    #[test]
    fn no_scope_is_made_of_what_is_not_between_spaces(
        scopes in vec("[!#-\\[\\]-~]{0,6}", 0..6),
        gap in select(GAPS.to_vec()),
    ) {
        let list = scopes.join(gap);
        for scope in read(&list).unwrap_or_default() {
            prop_assert!(list.split(' ').any(|part| part == scope), "{} in {:?}", scope, list);
            prop_assert!(!scope.is_empty());
        }
    }
}

/// The scopes of whoever brings this list in a good token.
fn read(list: &str) -> Option<Vec<String>> {
    let forge = Forge::shared();
    let mut claims = good_claims();
    claims["scope"] = json!(list);
    let token = forge.sign(GOOD_HEADER, claims.to_string());
    forge.verifier.verify(&token).ok().map(|identity| identity.scopes.clone())
}
