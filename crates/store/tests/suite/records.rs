//! More keys and clients than memory holds: one handle is the server's, the other `keygen`'s.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::Standing;
use mcp_auth::authn::apikey::{Lookup, PlainKey};
use mcp_auth::authn::client::{ClientLookup, PlainClient, secret_matches};
use store::{Memory, NewClient, NewKey, Store, StoreError};

use crate::place::{GRACE, Place, eventually};

const FEW: Memory = Memory { grace: GRACE, records: 4 };

/// The keys of the place are among the first, and these the last.
fn many(place: &Place) -> Vec<PlainKey> {
    let store = Store::open(&place.path).unwrap();
    let keys: Vec<_> = (0..40).map(|_| PlainKey::mint()).collect();
    for key in &keys {
        store.insert_key(NewKey::of(key, "carol", "One of many")).unwrap();
    }
    keys
}

#[tokio::test]
async fn every_key_is_good_until_it_is_revoked_however_few_are_held() {
    let place = Place::new();
    let keys = many(&place);
    let (server, keygen) = (place.server_with(FEW), Store::open(&place.path).unwrap());
    let last = &keys[39];
    for _ in 0..2 {
        for key in keys.iter().chain([&place.bob, &place.alice]) {
            assert_eq!(place.status(&server, key).await, 200);
        }
        assert_eq!(place.status(&server, &PlainKey::mint()).await, 401);
    }
    let identity = server.find(last.id()).await.unwrap().unwrap().identity.clone();
    assert_eq!((identity.user.as_str(), server.end(&identity).unwrap()), ("carol", None));

    let soon = Timestamp::now() + SignedDuration::from_hours(1);
    let next = PlainKey::mint();
    keygen.rotate_key_when(last.id(), &next, soon, |_| Ok::<_, StoreError>(())).unwrap();
    eventually(async || place.status(&server, &next).await == 200).await;
    eventually(async || server.end(&identity).unwrap().is_some_and(|end| end <= soon)).await;
    for key in [&keys[0], last, &next] {
        keygen.revoke_key(key.id()).unwrap();
        eventually(async || place.status(&server, key).await == 401).await;
    }
    // What is asked for is newer than what was read.
    eventually(async || server.end(&identity).unwrap() <= Some(Timestamp::now())).await;
    place.sql("DELETE FROM api_keys WHERE revoked IS NULL");
    eventually(async || place.status(&server, &keys[1]).await == 401).await;
}

#[tokio::test]
async fn every_client_is_known_however_few_are_held() {
    let place = Place::new();
    let store = Store::open(&place.path).unwrap();
    let clients: Vec<_> = (0..20).map(|_| PlainClient::mint()).collect();
    for client in &clients {
        store.insert_client(NewClient::of(client, "bob", "One of many")).unwrap();
    }
    let server = place.server_with(FEW);
    for client in clients.iter().chain([&place.client]) {
        let record = server.find_client(client.id()).await.unwrap();
        assert!(secret_matches(record.as_deref(), client.reveal_secret()));
    }
    assert!(server.find_client("nobody").await.unwrap().is_none());
    server.revoke_client(clients[19].id()).unwrap();
    let record = server.find_client(clients[19].id()).await.unwrap();
    assert!(!secret_matches(record.as_deref(), clients[19].reveal_secret()));
}

#[tokio::test]
async fn an_id_that_does_not_exist_is_no_question_to_the_database() {
    let place = Place::new();
    let keys = many(&place);
    let server = place.server_with(Memory { grace: Duration::from_secs(3600), ..FEW });
    // What is left is enough to see that nothing changed, and too little to ask for a key.
    place.sql("ALTER TABLE api_keys RENAME TO api_keys_away");
    for _ in 0..100 {
        assert_eq!(place.status(&server, &PlainKey::mint()).await, 401);
    }
    assert_eq!(place.status(&server, &keys[39]).await, 503, "it is there, and cannot be read");
    assert_eq!(place.status(&server, &place.bob).await, 200, "it is held");
}

#[tokio::test]
async fn no_use_is_lost_of_a_key_that_is_not_held_any_more() {
    let place = Place::new();
    let keys = many(&place);
    let server = place.server_with(FEW);
    for _ in 0..3 {
        for key in &keys {
            assert_eq!(place.status(&server, key).await, 200);
        }
    }
    drop(server);
    let stored = Store::open(&place.path).unwrap().list_keys().unwrap();
    let uses: Vec<_> =
        stored.iter().filter(|key| key.owner == "carol").map(|key| key.uses).collect();
    assert_eq!(uses, [3; 40]);
}

#[tokio::test]
async fn many_who_want_the_same_key_at_once_all_have_it() {
    let place = Place::new();
    let keys = many(&place);
    let server = place.server_with(FEW);
    let calls = (0..50).map(|_| {
        let (server, id) = (server.clone(), keys[39].id());
        tokio::spawn(async move { server.find(id).await.unwrap().is_some() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
}
