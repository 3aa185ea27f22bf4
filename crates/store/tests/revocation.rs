//! What happens to a revocation when the file is lost, replaced or damaged under a server:
//! one handle is the server's, the other `keygen`'s.

mod place;

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::{Lookup, PlainKey};
use mcp_auth::authn::client::{ClientLookup, secret_matches};
use mcp_auth::authn::jwt::{Revocations, Revoke, RevokedToken, TokenName};
use place::{GRACE, Place, eventually};
use store::{MOST_REVOKED, NewKey, Revocation, Store, StoreError};

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
async fn a_revoked_token_is_known_here_at_once_and_elsewhere_soon_until_it_has_ended() {
    let place = Place::new();
    let (server, other) = (place.server(), Store::open(&place.path).unwrap());
    assert!(!server.is_revoked(named("live")).unwrap());
    assert!(matches!(server.revoke_token(&token("live", 60)).unwrap(), Revocation::Now(_)));
    assert!(matches!(server.revoke_token(&token("live", 60)).unwrap(), Revocation::Already(_)));
    assert!(server.is_revoked(named("live")).unwrap());
    eventually(async || other.is_revoked(named("live")).unwrap()).await;

    server.revoke_token(&token("ended", -1)).unwrap();
    assert!(server.is_revoked(named("ended")).unwrap());
    // Any other change forgets what has ended, and nothing else.
    server.revoke_key(place.bob.id()).unwrap();
    assert!(
        !server.is_revoked(named("ended")).unwrap() && server.is_revoked(named("live")).unwrap()
    );
    eventually(async || !other.is_revoked(named("ended")).unwrap()).await;
    drop((server, other));
    assert!(place.server().is_revoked(named("live")).unwrap(), "also after a restart");
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
            "{triggers} DROP TABLE changes; DROP TABLE key_uses; DROP TABLE revoked_tokens;
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

#[test]
fn a_client_that_has_given_back_too_many_tokens_has_none_left_and_fills_no_memory() {
    let place = Place::new();
    let server = place.server();
    place.sql(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_REVOKED})
         INSERT INTO revoked_tokens SELECT i, 'c', '2999-01-01T00:00:00.000000Z', '' FROM n"
    ));
    let error = server.revoke_token(&token("one more", 60)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token id must be printable ASCII without spaces, quotes and backslashes"
    );
    assert!(matches!(server.revoke_token(&token("1", 60)).unwrap(), Revocation::Already(_)));
    let now = Timestamp::now().as_second();
    let kept = TokenName {
        jti: Some("kept"),
        client: Some("c"),
        issued: Some(now),
        ..TokenName::default()
    };
    assert!(!server.is_revoked(kept).unwrap());

    // Whoever stole the secret cannot keep its owner from taking a token back.
    assert!(matches!(server.revoke_token(&token("one-more", 60)).unwrap(), Revocation::Now(_)));
    let ahead = TokenName { jti: Some("one-more"), issued: Some(now + 60), ..kept };
    let undated = TokenName { issued: None, ..kept };
    for token in [ahead, undated, kept, TokenName { jti: Some("1"), ..kept }] {
        assert!(server.is_revoked(token).unwrap(), "{token:?}");
    }
    let later = TokenName { issued: Some(now + 60), ..kept };
    for token in [later, TokenName { client: Some("other"), ..kept }] {
        assert!(!server.is_revoked(token).unwrap(), "{token:?}");
    }
    assert_eq!(place.count("revoked_tokens"), 1);
    assert_eq!(place.count("revoked_until"), 1);
    place.sql("UPDATE revoked_until SET until = 'x'");
    assert!(place.server().is_revoked(later).unwrap(), "what is no time revokes");
}

#[tokio::test]
async fn the_tokens_of_a_client_are_revoked_with_it_even_if_its_row_cannot_be_read() {
    let place = Place::new();
    let (server, keygen) = (place.server(), Store::open(&place.path).unwrap());
    let now = Timestamp::now().as_second();
    let id = place.client.id();
    let live = TokenName {
        jti: Some("live"),
        client: Some(id),
        issued: Some(now + 60),
        ..TokenName::default()
    };
    assert!(!server.is_revoked(live).unwrap());
    place.sql("UPDATE clients SET scopes = 'all of them'");
    keygen.revoke_client(id).unwrap();
    eventually(async || server.is_revoked(live).unwrap()).await;
    assert!(!server.is_revoked(TokenName { client: Some("other"), ..live }).unwrap());
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
