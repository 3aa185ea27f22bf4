//! Which keys servers verify by: one handle is the server's, the other `keygen`'s.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use store::{SigningKey, Store};

use crate::place::{Place, eventually};

fn key(kid: &str, until: Option<Timestamp>) -> SigningKey {
    SigningKey { kid: kid.to_owned(), algorithm: "RS256".to_owned(), until }
}

#[tokio::test]
async fn a_key_that_a_server_had_is_known_when_no_server_has_it_any_more() {
    let place = Place::new();
    let (server, keygen) = (place.server(), Store::open(&place.path).unwrap());
    let keys = Arc::new(Mutex::new(vec![key("k1", None), key("no name", None)]));
    let asked = Arc::clone(&keys);
    let before = Timestamp::now().as_second();
    server.note_signing_keys(move || asked.lock().unwrap().clone());
    let kids = || -> Vec<_> {
        keygen.list_signing_keys().unwrap().into_iter().map(|stored| stored.key.kid).collect()
    };
    eventually(async || kids() == ["k1"]).await;

    let until: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    *keys.lock().unwrap() = vec![key("k1", Some(until)), key("k2", None)];
    drop(server);
    let server = place.server();
    *keys.lock().unwrap() = vec![key("k2", None)];
    let asked = Arc::clone(&keys);
    server.note_signing_keys(move || asked.lock().unwrap().clone());
    drop(server);

    let stored = keygen.list_signing_keys().unwrap();
    assert_eq!(kids(), ["k1", "k2"]);
    assert_eq!(stored[0].key, key("k1", Some(until)));
    assert!(
        stored[0].last_seen <= stored[1].last_seen && stored[1].first_seen < stored[1].last_seen
    );
    assert!((before..=Timestamp::now().as_second()).contains(&stored[0].first_seen.as_second()));
}
