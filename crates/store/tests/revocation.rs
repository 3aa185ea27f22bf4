//! What happens to a revocation when the file is lost, replaced or damaged under a server:
//! one handle is the server's, the other `keygen`'s.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::{ApiKeys, Lookup, PlainKey};
use mcp_auth::authn::client::{ClientLookup, PlainClient, secret_matches};
use mcp_auth::authn::jwt::{Revocations, Revoke, RevokedToken, TokenName};
use store::{MOST_REVOKED, NewClient, NewKey, Revocation, Store, StoreError};

/// Long enough for some looks of the watch, short enough for a test.
const MAX_AGE: Duration = Duration::from_millis(600);

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
    tokio::time::sleep(MAX_AGE).await;
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
    connection
        .execute_batch(
            "DROP TABLE revoked_tokens; DROP TABLE revoked_until; PRAGMA user_version = 1",
        )
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
    let kept = TokenName { jti: Some("kept"), client: Some("c"), issued: Some(now) };
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
    let live = TokenName { jti: Some("live"), client: Some(id), issued: Some(now + 60) };
    assert!(!server.is_revoked(live).unwrap());
    place.sql("UPDATE clients SET scopes = 'all of them'");
    keygen.revoke_client(id).unwrap();
    eventually(async || server.is_revoked(live).unwrap()).await;
    assert!(!server.is_revoked(TokenName { client: Some("other"), ..live }).unwrap());
}

/// A token of the client `c`, by its name.
fn named(jti: &str) -> TokenName<'_> {
    TokenName { jti: Some(jti), client: Some("c"), issued: Some(0) }
}

/// A token of the client `c` that ends in so many seconds.
fn token(jti: &str, seconds: i64) -> RevokedToken {
    let ends = Timestamp::now() + SignedDuration::from_secs(seconds);
    RevokedToken { jti: jti.to_owned(), client: "c".to_owned(), ends }
}

/// A store with the keys of two owners and a client.
struct Place {
    path: PathBuf,
    bob: PlainKey,
    alice: PlainKey,
    client: PlainClient,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        collect_log();
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("credentials.db");
        let (bob, alice, client) = (PlainKey::mint(), PlainKey::mint(), PlainClient::mint());
        let store = Store::open(&path).expect("the folder is ours");
        store.insert_key(NewKey::of(&bob, "bob", "Laptop")).expect("the id is new");
        store.insert_key(NewKey::of(&alice, "alice", "Laptop")).expect("the id is new");
        store.insert_client(NewClient::of(&client, "bob", "Report")).expect("the id is new");
        Self { path, bob, alice, client, folder }
    }

    fn server(&self) -> Store {
        Store::open_with(&self.path, MAX_AGE).expect("the folder is ours")
    }

    async fn status(&self, server: &Store, key: &PlainKey) -> u16 {
        let verified = ApiKeys::new(server.clone(), false).verify(key.reveal()).await;
        verified.map_or_else(|rejection| rejection.status().as_u16(), |_| 200)
    }

    fn sql(&self, sql: &str) {
        let connection = rusqlite::Connection::open(&self.path).expect("it is a database");
        connection.execute(sql, []).expect("it is SQL");
    }

    fn count(&self, table: &str) -> i64 {
        let connection = rusqlite::Connection::open(&self.path).expect("it is a database");
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0)).expect("it is SQL")
    }

    /// The lines that name this store.
    fn log(&self) -> String {
        let log = String::from_utf8(LOG.lock().expect("nobody panics with it").clone())
            .expect("it is text");
        let folder = self.folder.path().to_str().expect("it is text");
        log.lines().filter(|line| line.contains(folder)).map(|line| format!("{line}\n")).collect()
    }
}

/// Of all tests of this process: the watch of a store is a thread of its own.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Collector;

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn collect_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Collector).init();
    });
}

async fn eventually(condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(10), "it never happened");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
