//! What happens to a revocation when the file is lost, replaced or damaged under a server:
//! one handle is the server's, the other `keygen`'s.

#[allow(dead_code, reason = "other tests use all of it")]
mod place;

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::{Lookup, PlainKey};
use mcp_auth::authn::client::{ClientLookup, secret_matches};
use mcp_auth::authn::jwt::{Revocations, Revoke, RevokedToken, TokenName};
use place::{GRACE, Place, eventually};
use store::{Memory, NewKey, Revocation, Store, StoreError};

#[tokio::test]
async fn where_the_file_is_gone_every_credential_is_refused_until_it_is_back() {
    let place = Place::new();
    let server = place.server();
    assert_eq!(place.status(&server, &place.bob).await, 200);

    let away = place.path.with_extension("away");
    fs::rename(&place.path, &away).unwrap();
    eventually(async || place.status(&server, &place.bob).await == 503).await;
    assert_eq!(place.status(&server, &place.alice).await, 503);
    assert_eq!(server.find_client(place.client.id()).await.unwrap_err().status(), 503);
    let error = place.log().lines().find(|line| line.contains("ERROR")).unwrap().to_owned();
    assert!(error.contains("refused with 503") && error.contains("No such file"), "{error}");
    // Nobody puts an empty store in its place.
    assert!(matches!(server.list_keys(), Err(StoreError::Io { .. })));
    assert!(matches!(server.revoke_key(place.bob.id()), Err(StoreError::Io { .. })));
    assert!(!place.path.exists());
    fs::write(&place.path, "").unwrap();
    fs::set_permissions(&place.path, fs::metadata(&away).unwrap().permissions()).unwrap();
    tokio::time::sleep(GRACE).await;
    assert_eq!(place.status(&server, &place.bob).await, 503);

    fs::rename(&away, &place.path).unwrap();
    eventually(async || place.status(&server, &place.bob).await == 200).await;
    eventually(async || place.log().contains("can be read again")).await;
    assert_eq!(place.log().lines().count(), 2, "{}", place.log());
}

#[tokio::test]
async fn a_copy_that_is_put_back_is_followed() {
    let place = Place::new();
    let backup = place.path.with_extension("backup");
    fs::copy(&place.path, &backup).unwrap();
    let server = place.server();
    let late = PlainKey::mint();
    // Of the state that the copy takes back.
    Store::open(&place.path).unwrap().insert_key(NewKey::of(&late, "bob", "Late")).unwrap();
    eventually(async || place.status(&server, &late).await == 200).await;

    // As `mv` does it, which is another file, and as `cp`, which is the same one written over.
    let put_back: [fn(&Path, &Path); 2] = [
        |backup, path| fs::rename(backup, path).unwrap(),
        |backup, path| assert!(fs::copy(backup, path).unwrap() > 0),
    ];
    for (put_back, key) in put_back.into_iter().rev().zip([&place.bob, &place.alice]) {
        put_back(&backup, &place.path);
        eventually(async || place.status(&server, &late).await == 401).await;
        assert_eq!(place.status(&server, key).await, 200);
        let keygen = Store::open(&place.path).unwrap();
        assert!(matches!(keygen.revoke_key(key.id()).unwrap(), Revocation::Now(_)));
        eventually(async || place.status(&server, key).await == 401).await;
    }
    // The server's own handle writes to the new file as well.
    server.revoke_client(place.client.id()).unwrap();
    assert!(Store::open(&place.path).unwrap().list_clients().unwrap()[0].revoked.is_some());
}

#[tokio::test]
async fn what_is_no_time_of_revocation_revokes() {
    for garbage in ["'garbage'", "''", "CAST(x'ff' AS TEXT)"] {
        let place = Place::new();
        let server = place.server();
        place.sql(&format!("UPDATE api_keys SET revoked = {garbage} WHERE owner = 'bob'"));
        place.sql(&format!("UPDATE clients SET revoked = {garbage}"));
        eventually(async || place.status(&server, &place.bob).await == 401).await;
        let matches = async || {
            let record = server.find_client(place.client.id()).await.unwrap();
            secret_matches(Some(&record.expect("it is known")), place.client.reveal_secret())
        };
        eventually(async || !matches().await).await;
        assert!(server.find(place.bob.id()).await.unwrap().unwrap().revoked.is_some());
        assert!(server.list_keys().unwrap().iter().any(|key| key.revoked.is_some()));
        assert!(matches!(server.revoke_key(place.bob.id()).unwrap(), Revocation::Now(_)));
    }
}

#[tokio::test]
async fn where_it_is_not_known_which_tokens_are_revoked_none_is_good() {
    let place = Place::new();
    let server = place.server();
    server.revoke_token(&token("live", 60)).unwrap();
    place.sql("UPDATE revoked_tokens SET id = CAST(x'ff' AS TEXT)");
    let status =
        |jti: &str| server.is_revoked(named(jti)).map_err(|rejection| rejection.status().as_u16());
    eventually(async || status("other") == Err(503)).await;
    assert_eq!(place.status(&server, &place.bob).await, 200, "keys have nothing to do with it");
    assert!(place.log().contains("id of revoked_tokens"), "{}", place.log());
    place.sql("DELETE FROM revoked_tokens");
    eventually(async || status("other") == Ok(false)).await;

    fs::rename(&place.path, place.path.with_extension("away")).unwrap();
    eventually(async || status("other") == Err(503)).await;
    let rejection = Revoke::revoke(&server, token("other", 60)).unwrap_err();
    assert_eq!(rejection.status(), 503);
}

#[tokio::test]
async fn a_copy_of_an_older_version_is_brought_up_to_date_under_a_running_server() {
    let place = Place::new();
    let older = place.path.with_extension("older");
    fs::copy(&place.path, &older).unwrap();
    let connection = rusqlite::Connection::open(&older).unwrap();
    let triggers = "SELECT coalesce(group_concat('DROP TRIGGER ' || name || ';', ' '), '')
         FROM sqlite_master WHERE type = 'trigger'";
    let triggers: String = connection.query_row(triggers, [], |row| row.get(0)).unwrap();
    connection
        .execute_batch(&format!(
            "{triggers} DROP TABLE change_log; DROP TABLE audit_heads; DROP TABLE signing_keys; DROP TABLE changes; DROP TABLE key_uses; DROP TABLE revoked_tokens;
             DROP TABLE revoked_until; DROP TABLE revoked_users; DROP TABLE revoked_signing_keys;
             ALTER TABLE api_keys DROP COLUMN read_only; ALTER TABLE api_keys DROP COLUMN rate;
             PRAGMA user_version = 1"
        ))
        .unwrap();
    drop(connection);
    let server = place.server();
    server.revoke_key(place.alice.id()).unwrap();
    fs::rename(&older, &place.path).unwrap();
    eventually(async || place.status(&server, &place.alice).await == 200).await;
    server.revoke_token(&token("live", 60)).unwrap();
    assert!(server.is_revoked(named("live")).unwrap());
    assert!(place.server().is_revoked(named("live")).unwrap());
}

#[tokio::test]
async fn while_the_file_is_gone_what_is_known_goes_on_and_nothing_else() {
    let place = Place::new();
    let server =
        place.server_with(Memory { grace: Duration::from_secs(3600), ..Memory::default() });
    let away = place.path.with_extension("away");
    assert!(server.ready().is_ok());
    fs::rename(&place.path, &away).unwrap();
    eventually(async || server.ready().is_err()).await;
    assert_eq!(place.status(&server, &place.bob).await, 200);
    let late = PlainKey::mint();
    assert_eq!(place.status(&server, &late).await, 503, "it may have been made by now");
    assert_eq!(server.find_client("nobody").await.unwrap_err().status(), 503);
    assert!(server.find_client(place.client.id()).await.unwrap().is_some());

    // A revocation made meanwhile is not seen, and is as soon as the file is back.
    let keygen = Store::open(&away).unwrap();
    keygen.revoke_key(place.bob.id()).unwrap();
    keygen.insert_key(NewKey::of(&late, "bob", "Late")).unwrap();
    assert_eq!(place.status(&server, &place.bob).await, 200);
    fs::rename(&away, &place.path).unwrap();
    eventually(async || place.status(&server, &place.bob).await == 401).await;
    assert_eq!(place.status(&server, &late).await, 200);
    assert!(server.ready().is_ok());
}

/// A token of the client `c`, by its name.
fn named(jti: &str) -> TokenName<'_> {
    TokenName { jti: Some(jti), client: Some("c"), issued: Some(0), ..TokenName::default() }
}

/// A token of the client `c` that ends in so many seconds.
fn token(jti: &str, seconds: i64) -> RevokedToken {
    let ends = Timestamp::now() + SignedDuration::from_secs(seconds);
    RevokedToken { jti: jti.to_owned(), client: "c".to_owned(), ends }
}

#[tokio::test]
async fn after_an_outage_only_what_was_changed_is_read() {
    let place = Place::new();
    let server =
        place.server_with(Memory { grace: Duration::from_secs(3600), ..Memory::default() });
    // Seen by nobody who is not told of it.
    place.sql_in_secret("UPDATE api_keys SET name = 'another'");
    let away = place.path.with_extension("away");
    fs::rename(&place.path, &away).unwrap();
    eventually(async || server.ready().is_err()).await;
    fs::rename(&away, &place.path).unwrap();
    eventually(async || server.ready().is_ok()).await;
    let key = PlainKey::mint();
    Store::open(&place.path).unwrap().insert_key(NewKey::of(&key, "carol", "New")).unwrap();
    eventually(async || place.status(&server, &key).await == 200).await;
    let alice = server.find(place.alice.id()).await.unwrap().unwrap();
    assert_eq!(alice.identity.name.as_deref(), Some("Laptop"), "all was read again");
}
