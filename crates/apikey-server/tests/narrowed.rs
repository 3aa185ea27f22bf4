//! Keys that may do less than their grants say, at the real binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../../serve/tests/binary/mod.rs"]
mod binary;

use std::time::{Duration, Instant};

use binary::Server;
use mcp_auth::authn::apikey::PlainKey;
use store::{NewKey, Store, StoreError};

const EXE: &str = env!("CARGO_BIN_EXE_apikey-server");
const ANY_PORT: &[&str] = &["--listen", "127.0.0.1:0"];

#[test]
fn a_key_that_was_narrowed_changes_nothing_and_asks_no_oftener_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let store = Store::open(&folder.path().join("keys/credentials.db")).unwrap();
    let [key, next] = [(); 2].map(|()| PlainKey::mint());
    store
        .insert_key(NewKey {
            grants: vec!["*".to_owned()],
            read_only: true,
            rate: Some("3/h".parse().unwrap()),
            ..NewKey::of(&key, "bob", "Narrow")
        })
        .unwrap();
    let until = jiff::Timestamp::now();
    let call = |key: &PlainKey, tool: &str, arguments: &str| {
        let start = Instant::now();
        loop {
            let answer = server.call(&format!("x-api-key: {}", key.reveal()), tool, arguments);
            if answer.status != 401 || start.elapsed() > Duration::from_secs(10) {
                return answer;
            }
            // Not so often that the address is slowed down.
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let answer = call(&key, "whoami", "{}");
    assert_eq!(answer.status, 200, "{}", answer.body);
    for told in [r#""read_only":true"#, r#""rate":"3/h,3""#, r#""refused":["add_shopping_item""#] {
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
    }
    let answer = call(&key, "add_shopping_item", r#"{"name":"tea"}"#);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(call(&key, "list_shopping_items", "{}").status, 200);
    let answer = call(&key, "list_shopping_items", "{}");
    assert_eq!(answer.status, 429, "{}", answer.body);

    // Whoever takes over is as narrow, and of the same chain: it has no more than was left.
    let rotated = store.rotate_key_when(key.id(), &next, until, |_| Ok::<_, StoreError>(()));
    assert!(rotated.unwrap().1.read_only);
    assert_eq!(call(&next, "whoami", "{}").status, 429);
}
