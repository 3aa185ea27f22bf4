//! `keygen … revoke`: what is taken back, and what it says of that.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "other tests use all of it")]
mod shell;

use std::fs;

use mcp_auth::authn::jwt::{Revocations, TokenName};
use serde_json::json;
use shell::Shell;
use store::{SigningKey, Store};

fn key_of(shell: &Shell, owner: &str, out: &str) -> String {
    let create = ["apikey", "create", "--owner", owner, "--name", "Laptop", "--out", out];
    let made = shell.json(&create);
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_is_revoked_alone_or_with_what_took_over_from_it() {
    let shell = Shell::new();
    let first = key_of(&shell, "bob", "first");
    // As somebody finds it who has nothing but the key.
    let key = fs::read_to_string(shell.path("first")).unwrap();
    assert_eq!(key.split('_').nth(1), Some(first.as_str()));
    let rotate = |id: &str, out: &str| {
        let made = shell.json(&["apikey", "rotate", id, "--out", out]);
        made["id"].as_str().unwrap().to_owned()
    };
    let second = rotate(&first, "second");
    let text = shell.ok(&["apikey", "revoke", &first]);
    assert!(text.contains(&format!("revoked API key {first}")), "{text}");
    assert!(text.contains("end what is open for it") && !text.contains(&second), "{text}");
    let third = rotate(&second, "third");
    let revoked = shell.json(&["apikey", "revoke", &first, "--successors"]);
    let shown: Vec<_> = revoked["keys"].as_array().unwrap().iter().collect();
    let ids: Vec<_> = shown.iter().map(|key| (key["id"].clone(), key["before"].clone())).collect();
    assert_eq!(
        ids,
        [(json!(first), json!(true)), (json!(second), json!(false)), (json!(third), json!(false))]
    );
    let again = shell.ok(&["apikey", "revoke", &first, "--successors"]);
    assert_eq!(again.matches("was revoked already").count(), 3, "{again}");
    assert!(!again.contains("running servers"), "{again}");
}

#[test]
fn all_that_a_user_has_is_revoked_and_named() {
    let shell = Shell::new();
    let [one, two, other] =
        [("bob", "1"), ("bob", "2"), ("alice", "3")].map(|(owner, out)| key_of(&shell, owner, out));
    shell.ok(&["apikey", "revoke", &one]);
    let create = ["client", "create", "--owner", "bob", "--name", "Report"];
    let client = shell.json(&create)["client_id"].as_str().unwrap().to_owned();
    let text = shell.ok(&["user", "revoke", "bob"]);
    for ended in [format!("revoked API key {two}"), format!("revoked client {client}")] {
        assert!(text.contains(&ended), "{text}");
    }
    assert!(text.contains("every token of bob that was issued until"), "{text}");
    assert!(!text.contains(&one) && !text.contains(&other), "{text}");
    assert_eq!(shell.json(&["apikey", "list"])[2]["state"], "live");
    let again = shell.json(&["user", "revoke", "bob"]);
    assert_eq!((&again["api_keys"], &again["clients"]), (&json!([]), &json!([])));
    assert!(shell.fails(&["user", "revoke", ""]).contains("must not be empty"));
}

#[test]
fn a_signing_key_is_listed_and_revoked() {
    let shell = Shell::new();
    assert!(shell.ok(&["signing-key", "list"]).contains("there is no key"));
    shell.ok(&["rsa"]);
    shell.ok(&["secret"]);
    let list = shell.json(&["signing-key", "list"]);
    let kid = |number: usize| list[number]["kid"].as_str().unwrap();
    assert_eq!((&list[0]["alg"], &list[1]["alg"]), (&json!("RS256"), &json!("HS256")));
    let secret = fs::read_to_string(shell.path("keys/jwt.secret")).unwrap();
    assert!(!shell.ok(&["signing-key", "list"]).contains(secret.trim()));

    let text = shell.ok(&["signing-key", "revoke", kid(0)]);
    assert!(text.contains("is refused within") && text.contains("keygen -- rsa --force"), "{text}");
    assert_eq!(shell.json(&["signing-key", "list"])[0]["state"], "revoked");
    assert_eq!(shell.json(&["signing-key", "list"])[1]["state"], "verifies");
    let text = shell.ok(&["signing-key", "revoke", kid(1)]);
    assert!(text.contains("keygen -- secret --force"), "{text}");
    assert!(shell.ok(&["signing-key", "revoke", kid(1)]).contains("revoked already"));
    let text = shell.ok(&["signing-key", "revoke", "an-issuers-own"]);
    assert!(text.contains("none of this keys folder"), "{text}");
    // What a server has seen and this folder does not hold.
    let store = Store::open(&shell.path("keys/credentials.db")).unwrap();
    let other = SigningKey { kid: "k9".to_owned(), algorithm: "RS256".to_owned(), until: None };
    let seen = ["k9", kid(0)].map(|kid| SigningKey { kid: kid.to_owned(), ..other.clone() });
    store.note_signing_keys(move || seen.to_vec());
    drop(store);
    let list = shell.json(&["signing-key", "list"]);
    let states: Vec<_> = (0..3).map(|at| list[at]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["revoked", "revoked", "not here"]);
    assert_eq!((&list[2]["kid"], &list[2]["file"]), (&json!("k9"), &json!(null)));
    assert!(list[0]["first_seen"].is_string() && list[1]["last_seen"].is_null());
    assert!(shell.ok(&["signing-key", "list"]).contains("LAST SEEN"));
    // One of 64 names begins so.
    shell.ok(&["signing-key", "revoke", "-m_x"]);
    let store = Store::open(&shell.path("keys/credentials.db")).unwrap();
    let token = TokenName { key: Some("-m_x"), ..TokenName::default() };
    assert!(store.is_revoked(token).unwrap());
    let token = TokenName { key: Some("an-issuers-own"), ..TokenName::default() };
    assert!(store.is_revoked(token).unwrap());
}

#[test]
fn a_token_of_another_issuer_is_revoked_by_whatever_that_calls_it() {
    let shell = Shell::new();
    let revoke = ["token", "revoke", "any/name", "--client", "app"];
    assert!(shell.fails(&revoke).contains("--elsewhere"));
    let text = shell.ok(&[&revoke[..], &["--elsewhere"]].concat());
    assert!(text.contains("the token any/name of app is refused"), "{text}");
    let store = Store::open(&shell.path("keys/credentials.db")).unwrap();
    let named = |jti| TokenName { jti: Some(jti), ..TokenName::default() };
    assert!(store.is_revoked(named("any/name")).unwrap());
    assert!(!store.is_revoked(named("another")).unwrap());
    let spaced = ["token", "revoke", "any name", "--client", "app", "--elsewhere"];
    assert!(shell.fails(&spaced).contains("the token id must be"));
}
