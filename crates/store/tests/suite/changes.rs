//! What is read again after a change: one handle is the server's, the other `keygen`'s.

use mcp_auth::authn::apikey::{Lookup, PlainKey};
use mcp_auth::authn::client::ClientLookup;
use store::{Memory, NewKey, Store};

use crate::place::{GRACE, Place, eventually};

#[tokio::test]
async fn only_what_was_changed_is_read_again() {
    for records in [1_000_000, 2] {
        let place = Place::new();
        let server = place.server_with(Memory { grace: GRACE, records });
        let keygen = Store::open(&place.path).unwrap();
        for key in [&place.bob, &place.alice] {
            assert_eq!(place.status(&server, key).await, 200);
        }
        // Seen by nobody who is not told of it.
        place.sql_in_secret(
            "UPDATE api_keys SET name = 'another'; UPDATE clients SET name = 'another'",
        );
        let names = async || {
            let alice = server.find(place.alice.id()).await.unwrap().unwrap().identity.name.clone();
            let client = server.find_client(place.client.id()).await.unwrap().unwrap().name.clone();
            (alice.unwrap(), client.unwrap())
        };
        let before = ("Laptop".to_owned(), "Report".to_owned());
        for _ in 0..3 {
            let key = PlainKey::mint();
            keygen.insert_key(NewKey::of(&key, "carol", "New")).unwrap();
            eventually(async || place.status(&server, &key).await == 200).await;
            if records > 2 {
                assert_eq!(names().await, before, "all was read again");
            }
        }
        place.sql("DELETE FROM api_keys WHERE owner = 'bob'");
        eventually(async || place.status(&server, &place.bob).await == 401).await;
        assert_eq!(place.status(&server, &place.alice).await, 200);
    }
}

#[tokio::test]
async fn what_is_damaged_for_a_while_is_refused_for_that_while() {
    let place = Place::new();
    let server = place.server();
    for _ in 0..2 {
        place.sql("UPDATE api_keys SET grants = 'nonsense' WHERE owner = 'bob'");
        eventually(async || place.status(&server, &place.bob).await == 401).await;
        assert_eq!(place.status(&server, &place.alice).await, 200);
        place.sql("UPDATE api_keys SET grants = '[]' WHERE owner = 'bob'");
        eventually(async || place.status(&server, &place.bob).await == 200).await;
    }
}

#[tokio::test]
async fn more_changes_than_are_remembered_are_all_seen() {
    // More than are read one by one, and more than the log holds.
    for count in [3000, 12_000] {
        let place = Place::new();
        let server = place.server();
        place.sql(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO revoked_users
             SELECT 'user ' || CAST(i AS TEXT), '2020-01-01T00:00:00.000000Z' FROM n"
        ));
        place.sql("UPDATE api_keys SET revoked = created WHERE owner = 'bob'");
        eventually(async || place.status(&server, &place.bob).await == 401).await;
        assert!(place.count("change_log") <= 10_000);
    }
}
