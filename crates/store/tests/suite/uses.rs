//! How often keys were used: counted by a server, written down in batches, read by `keygen`.

use std::time::Duration;

use jiff::Timestamp;
use mcp_auth::authn::Standing;
use mcp_auth::authn::apikey::PlainKey;
use store::{NewKey, Store, StoredKey};

use crate::place::{Place, eventually};

fn key_of(place: &Place, owner: &str) -> StoredKey {
    let keys = Store::open(&place.path).unwrap().list_keys().unwrap();
    keys.into_iter().find(|key| key.owner == owner).unwrap()
}

#[tokio::test]
async fn uses_are_written_down_and_add_up_over_servers() {
    let place = Place::new();
    let before = Timestamp::now().as_second();
    let servers = [place.server(), place.server()];
    for server in &servers {
        for _ in 0..3 {
            assert_eq!(place.status(server, &place.bob).await, 200);
        }
        // What is refused is no use of anybody's key.
        assert_eq!(place.status(server, &PlainKey::mint()).await, 401);
    }
    let unused = key_of(&place, "alice");
    assert_eq!((unused.uses, unused.last_used), (0, None));
    // As they end, without waiting for the next time.
    drop(servers);
    let used = key_of(&place, "bob");
    assert_eq!(used.uses, 6);
    let last = used.last_used.unwrap().as_second();
    assert!((before..=Timestamp::now().as_second()).contains(&last));

    let server = place.server();
    assert_eq!(place.status(&server, &place.bob).await, 200);
    eventually(async || key_of(&place, "bob").uses == 7).await;
}

#[tokio::test]
async fn nobody_reads_the_file_again_for_a_use_and_none_is_lost_with_a_change() {
    let place = Place::new();
    let server = place.server();
    let mut changes = server.changes();
    assert_eq!(place.status(&server, &place.bob).await, 200);
    // Another server writes down what it counted.
    let other = place.server();
    assert_eq!(place.status(&other, &place.bob).await, 200);
    drop(other);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!changes.has_changed().unwrap(), "it was read again");

    let new = PlainKey::mint();
    Store::open(&place.path).unwrap().insert_key(NewKey::of(&new, "carol", "New")).unwrap();
    tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap();
    assert_eq!(place.status(&server, &place.bob).await, 200);
    drop(server);
    assert_eq!(key_of(&place, "bob").uses, 3, "what was counted before it was read again");
}
