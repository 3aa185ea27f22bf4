//! From a file into the store that the suite is run on.

use jiff::{SignedDuration, Timestamp};
use mcp_auth::audit::{Heads, KeptHeads};
use mcp_auth::authn::apikey::{KeyId, Lookup, PlainKey};
use mcp_auth::authn::client::{ClientLookup, PlainClient, secret_matches};
use mcp_auth::authn::jwt::{Revocations, RevokedToken, TokenName};
use store::{NewClient, NewKey, Store, StoreError};

use crate::place::Place;

/// A file with what is revoked in each way, and its folder.
struct Old {
    store: Store,
    bob: PlainKey,
    revoked: PlainKey,
    client: PlainClient,
    /// Held for the file.
    _folder: tempfile::TempDir,
}

impl Old {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let [bob, revoked] = [(); 2].map(|()| PlainKey::mint());
        let client = PlainClient::mint();
        let store = Store::open(&path).unwrap();
        let mut key = NewKey::of(&bob, "bob", "Laptop");
        key.grants = vec!["get_time".to_owned()];
        key.rate = Some("5/s".parse().unwrap());
        key.expires = Some(Timestamp::now() + SignedDuration::from_hours(1));
        store.insert_key(key).unwrap();
        store.insert_key(NewKey::of(&revoked, "bob", "Old laptop")).unwrap();
        store.insert_client(NewClient::of(&client, "bob", "Report")).unwrap();
        store.revoke_key(revoked.id()).unwrap();
        store.revoke_user("carol").unwrap();
        store.revoke_signing_key("k1").unwrap();
        let ends = Timestamp::now() + SignedDuration::from_hours(1);
        let token = RevokedToken { jti: "j1".to_owned(), client: "c".to_owned(), ends };
        store.revoke_token(&token).unwrap();
        Self { store, bob, revoked, client, _folder: folder }
    }
}

#[tokio::test]
async fn what_was_good_stays_good_and_what_was_revoked_stays_revoked() {
    let old = Old::new();
    let place = Place::empty();
    assert_eq!(place.status(&old.store, &old.bob).await, 200);
    old.store.keep("an audit", "how far it goes".to_owned());
    // As it ends it writes down that use.
    let path = old.store.path().to_owned();
    drop(old.store);
    let (old_store, new) = (Store::open(&path).unwrap(), place.server());
    let imported = new.import(&old_store).unwrap();
    assert_eq!((imported.keys, imported.clients, imported.revocations), (2, 1, 3));

    assert_eq!(place.status(&new, &old.bob).await, 200);
    assert_eq!(place.status(&new, &old.revoked).await, 401);
    let record = new.find_client(old.client.id()).await.unwrap();
    assert!(secret_matches(record.as_deref(), old.client.reveal_secret()));
    for revoked in [
        TokenName { jti: Some("j1"), ..TokenName::default() },
        TokenName { user: Some("carol"), issued: Some(0), ..TokenName::default() },
        TokenName { key: Some("k1"), ..TokenName::default() },
    ] {
        assert!(new.is_revoked(revoked).unwrap(), "{revoked:?}");
    }
    assert_eq!(new.head("an audit").unwrap().as_deref(), Some("how far it goes"));
    // The same to the last field, in the same order, with what was counted.
    let text = |store: &Store| format!("{:?}", store.list_keys().unwrap());
    assert_eq!(text(&new), text(&old_store));
    assert_eq!(new.list_keys().unwrap()[0].uses, 1);
    let clients = |store: &Store| format!("{:?}", store.list_clients().unwrap());
    assert_eq!(clients(&new), clients(&old_store));
}

#[tokio::test]
async fn nothing_is_taken_over_where_something_is_or_from_what_cannot_be_read() {
    let old = Old::new();
    let place = Place::new();
    let error = place.server().import(&old.store).unwrap_err().to_string();
    assert!(error.contains("name a store that is empty"), "{error}");
    let same = old.store.import(&old.store).unwrap_err();
    assert!(matches!(same, StoreError::NotEmpty(_)), "{same}");
    assert_eq!(place.count("api_keys"), 2, "those of the place");

    let connection = rusqlite::Connection::open(old.store.path()).unwrap();
    connection.execute("UPDATE api_keys SET owner = CAST(x'ff' AS TEXT)", []).unwrap();
    let place = Place::empty();
    let new = place.server();
    let error = new.import(&old.store).unwrap_err().to_string();
    assert!(error.contains("owner of api_keys") && error.contains("not readable"), "{error}");
    assert_eq!(place.count("api_keys") + place.count("revoked_tokens"), 0);
    new.insert_key(NewKey::of(&old.bob, "bob", "Laptop")).unwrap();
}

#[tokio::test]
async fn there_may_be_more_than_one_statement_takes() {
    let (old, place) = (Old::new(), Place::empty());
    let connection = rusqlite::Connection::open(old.store.path()).unwrap();
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
         INSERT INTO revoked_users SELECT 'user ' || i, '2020-01-01T00:00:00.000000Z' FROM n";
    connection.execute(many, []).unwrap();
    let keys = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10100)
         INSERT INTO api_keys (id, digest, chain, owner, name, grants, created)
         SELECT printf('%016x', i), zeroblob(32), printf('%016x', i), 'bob', 'One of many', '[]',
             '2020-01-01T00:00:00.000000Z' FROM n";
    connection.execute(keys, []).unwrap();
    let new = place.server();
    let imported = new.import(&old.store).unwrap();
    assert_eq!((imported.keys, imported.revocations), (10_100 + 2, 40_000 + 3));
    assert_eq!(place.count("revoked_users"), 40_000 + 1);
    // Also than are read at once.
    assert_eq!(new.list_keys().unwrap().len(), 10_100 + 2);
    for number in [1, 10_000, 10_001, 10_100] {
        let id = KeyId::parse(&format!("{number:016x}")).unwrap();
        assert!(new.find(id).await.unwrap().is_some(), "{number}");
    }
}
