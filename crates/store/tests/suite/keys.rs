//! Keys and clients: one handle is the server's, the other `keygen`'s.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use mcp_auth::authn::apikey::{ApiKeys, Lookup, PlainKey};
use mcp_auth::authn::client::{ClientLookup, PlainClient, secret_matches};
use store::{NewClient, NewKey, Revocation, Store, StoreError};

use crate::place::{Place, eventually};

/// What is promised for a change that another process makes, of either database.
const SOON: Duration = Duration::from_millis(250);

#[tokio::test]
async fn what_another_process_changes_is_seen_soon() {
    let place = Place::new();
    let server = ApiKeys::new(place.server(), false);
    let keygen = Store::open(&place.path).unwrap();
    let mut delays = Vec::new();
    for _ in 0..3 {
        let key = PlainKey::mint();
        assert_eq!(server.verify(key.reveal()).await.unwrap_err().status(), 401);

        keygen.insert_key(NewKey::of(&key, "bob", "Laptop")).unwrap();
        let start = Instant::now();
        eventually(async || server.verify(key.reveal()).await.is_ok()).await;
        delays.push(start.elapsed());
        let identity = server.verify(key.reveal()).await.unwrap();
        assert_eq!(identity.owner(), (store::KEY_ISSUER, "bob"));
        assert_eq!(identity.client, key.id().to_string());
        assert_eq!(identity.credential, key.id().to_string());

        assert!(matches!(keygen.revoke_key(key.id()).unwrap(), Revocation::Now(_)));
        let start = Instant::now();
        eventually(async || server.verify(key.reveal()).await.is_err()).await;
        delays.push(start.elapsed());
        assert!(matches!(keygen.revoke_key(key.id()).unwrap(), Revocation::Already(_)));
    }
    // One of several, because a busy machine may leave any of them waiting.
    assert!(delays.iter().min() < Some(&SOON), "{delays:?}");
}

#[tokio::test]
async fn one_process_sees_its_own_changes_at_once() {
    let place = Place::new();
    let store = place.server();
    let (key, client) = (PlainKey::mint(), PlainClient::mint());
    store.insert_key(NewKey::of(&key, "bob", "Laptop")).unwrap();
    store.insert_client(NewClient::of(&client, "alice", "Report")).unwrap();
    assert!(store.find(key.id()).await.unwrap().is_some());
    let record = store.find_client(client.id()).await.unwrap();
    assert!(secret_matches(record.as_deref(), client.reveal_secret()));

    store.revoke_client(client.id()).unwrap();
    let record = store.find_client(client.id()).await.unwrap();
    assert!(!secret_matches(record.as_deref(), client.reveal_secret()));
    assert!(matches!(store.revoke_client("nobody"), Err(StoreError::UnknownClient(_))));
    assert!(matches!(store.revoke_key(PlainKey::mint().id()), Err(StoreError::UnknownKey(_))));
    let again = store.insert_key(NewKey::of(&key, "bob", "Laptop")).unwrap_err();
    assert!(matches!(again, StoreError::Taken(_)));
    let unnamed = store.insert_key(NewKey::of(&PlainKey::mint(), " ", "Laptop")).unwrap_err();
    assert_eq!(unnamed.to_string(), "the owner must not be empty");
}

#[tokio::test]
async fn nothing_is_kept_of_what_nobody_received() {
    let place = Place::new();
    let (store, until) = (place.server(), Timestamp::now());
    let [lost, next] = [(); 2].map(|()| PlainKey::mint());
    let not_handed_over = || Err(StoreError::Taken("it was not written".to_owned()));
    store.insert_key_when(NewKey::of(&lost, "bob", "Lost"), not_handed_over).unwrap_err();
    store.rotate_key_when(place.bob.id(), &next, until, |_| not_handed_over()).unwrap_err();
    let client = PlainClient::mint();
    let new = NewClient::of(&client, "bob", "Lost");
    store.insert_client_when(new, not_handed_over).unwrap_err();

    let kept = Store::open(&place.path).unwrap();
    assert_eq!(kept.list_keys().unwrap().len(), 2, "bob's and alice's");
    assert_eq!(kept.list_clients().unwrap().len(), 1);
    assert_eq!(place.status(&place.server(), &place.bob).await, 200);
    // And the store goes on.
    store.insert_key(NewKey::of(&lost, "bob", "Kept")).unwrap();
    assert_eq!(place.status(&store, &lost).await, 200);
}

#[tokio::test]
async fn where_nobody_is_told_of_changes_any_more_nothing_counts_for_long() {
    let place = Place::new();
    let server = place.server();
    assert_eq!(place.status(&server, &place.bob).await, 200);
    place.sql("DELETE FROM changes");
    eventually(async || server.ready().is_err()).await;
    eventually(async || place.status(&server, &place.bob).await == 503).await;
    assert!(place.log().contains("changes is missing"), "{}", place.log());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_refused_and_takes_no_other_with_it() {
    let place = Place::new();
    let server = place.server();
    place.sql("UPDATE api_keys SET created = 'x' WHERE owner = 'alice'");
    place.sql("UPDATE clients SET scopes = 'all of them'");
    eventually(async || place.status(&server, &place.alice).await == 401).await;
    eventually(async || server.find_client(place.client.id()).await.unwrap().is_none()).await;
    assert_eq!(place.status(&server, &place.bob).await, 200);

    // With the row as it is: bob is revoked, and so is alice herself.
    let keygen = Store::open(&place.path).unwrap();
    assert!(keygen.list_keys().unwrap_err().to_string().contains("created of api_keys"));
    for key in [&place.bob, &place.alice] {
        assert!(matches!(keygen.revoke_key(key.id()).unwrap(), Revocation::Now(_)));
        assert!(matches!(keygen.revoke_key(key.id()).unwrap(), Revocation::Already(_)));
        eventually(async || place.status(&server, key).await == 401).await;
    }
    // Told once by the server and once by the other handle, however often the file changed.
    let log = place.log();
    let alice = place.alice.id().to_string();
    assert_eq!(log.lines().filter(|line| line.contains(&alice)).count(), 2, "{log}");
    assert!(log.contains("ERROR") && log.contains(place.client.id()), "{log}");

    place.sql("UPDATE api_keys SET created = '2026-01-01T00:00:00Z', revoked = NULL");
    eventually(async || place.status(&server, &place.alice).await == 200).await;
}
