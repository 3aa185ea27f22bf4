//! The same suite on a PostgreSQL server that the tests start. Without the programs of one it is
//! skipped, unless `MCP_AUTH_REQUIRE_POSTGRES` is set.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod place;
mod suite;

use std::time::{Duration, Instant};

use mcp_auth::authn::apikey::PlainKey;
use store::{Memory, NewKey, Store, StoreError};

use crate::place::postgres::{self, Server};
use crate::place::{GRACE, Place, eventually};

#[tokio::test]
async fn a_server_that_is_away_is_an_outage_and_one_that_comes_back_is_followed() {
    let Some(mut database) = Server::start() else { return };
    let place = Place::at(database.database(), tempfile::tempdir().unwrap());
    let memory = Memory { grace: GRACE * 1000, ..Memory::default() };
    let (server, patient) = (place.server(), place.server_with(memory));
    assert_eq!(place.status(&server, &place.bob).await, 200);

    database.stop();
    eventually(async || patient.ready().is_err()).await;
    assert_eq!(place.status(&patient, &place.bob).await, 200, "what is known goes on");
    let late = PlainKey::mint();
    assert_eq!(place.status(&patient, &late).await, 503, "it may have been made by now");
    eventually(async || place.status(&server, &place.bob).await == 503).await;
    let gone = server.revoke_key(place.bob.id()).unwrap_err();
    assert!(matches!(gone, StoreError::Postgres { .. }), "{gone}");

    database.start_again();
    eventually(async || place.status(&server, &place.bob).await == 200).await;
    let keygen = Store::open(&place.path).unwrap();
    keygen.insert_key(NewKey::of(&late, "bob", "Late")).unwrap();
    keygen.revoke_key(place.bob.id()).unwrap();
    for server in [&server, &patient] {
        eventually(async || place.status(server, &place.bob).await == 401).await;
        assert_eq!(place.status(server, &late).await, 200);
    }
}

#[test]
fn many_may_open_a_new_database_at_once_and_one_of_another_version_is_refused() {
    let Some(path) = postgres::database() else { return };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(&path).map(drop))).collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
    // One that an older program made is brought up to date.
    let first = "CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         UPDATE mcp_auth.changes SET token = uuid_send(gen_random_uuid()); RETURN NULL; END $$;
         DO $$ DECLARE one TEXT; BEGIN
             FOREACH one IN ARRAY ARRAY['api_keys', 'clients', 'revoked_tokens', 'revoked_until',
                 'revoked_users', 'revoked_signing_keys'] LOOP
                 EXECUTE format('DROP TRIGGER inserted ON %1$I; DROP TRIGGER updated ON %1$I;
                     DROP TRIGGER deleted ON %1$I; DROP TRIGGER truncated ON %1$I;
                     CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %1$I
                     FOR EACH STATEMENT EXECUTE FUNCTION changed()', one);
             END LOOP; END $$;
         UPDATE version SET version = 1; DROP TABLE audit_heads; DROP TABLE signing_keys;
         DROP TABLE change_log";
    postgres::execute(&path, first);
    Store::open(&path).unwrap();
    let saying =
        "SELECT count(*) FROM pg_proc WHERE proname = 'changed' AND prosrc LIKE '%NOTIFY%'";
    assert_eq!(postgres::number(&path, saying), 1);
    postgres::execute(&path, "UPDATE version SET version = 9");
    let error = Store::open(&path).err().unwrap().to_string();
    assert!(error.contains("version 9") && error.contains("up to 5"), "{error}");
}

#[tokio::test]
async fn the_server_says_what_changed_and_nobody_waits_for_the_next_look() {
    let Some(path) = postgres::database() else { return };
    let place = Place::at(path, tempfile::tempdir().unwrap());
    let (server, keygen) = (place.server(), Store::open(&place.path).unwrap());
    let (start, mut soon_in_a_row) = (Instant::now(), 0);
    // A look each quarter of a second would find eight in a row so soon once in 90,000 times.
    while soon_in_a_row < 8 {
        assert!(start.elapsed() < Duration::from_secs(20), "they are seen when it looks");
        let key = PlainKey::mint();
        keygen.insert_key(NewKey::of(&key, "bob", "New")).unwrap();
        let made = Instant::now();
        eventually(async || place.status(&server, &key).await == 200).await;
        let soon = made.elapsed() < Duration::from_millis(60);
        soon_in_a_row = if soon { soon_in_a_row + 1 } else { 0 };
    }
}

#[test]
fn the_settings_of_the_database_change_nothing_of_that() {
    let Some(path) = postgres::database() else { return };
    postgres::execute(
        &path,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation =
             ''repeatable read''', current_database());
         EXECUTE format('ALTER DATABASE %I SET search_path = public', current_database()); END $$",
    );
    suite::ended::revoked_while_it_is_made(&Place::at(path, tempfile::tempdir().unwrap()));
}

#[test]
fn however_many_tokens_have_ended_a_revocation_goes_through() {
    let Some(path) = postgres::database() else { return };
    let place = Place::at(path, tempfile::tempdir().unwrap());
    place.sql(
        "INSERT INTO revoked_tokens SELECT i::text, 'c', '2000-01-01T00:00:00.000000Z', ''
         FROM generate_series(1, 100000) AS n (i)",
    );
    Store::open(&place.path).unwrap().revoke_key(place.bob.id()).unwrap();
    assert!((1..100_000).contains(&place.count("revoked_tokens")), "it takes some each time");
}

#[tokio::test]
async fn a_table_that_is_emptied_is_a_change() {
    let Some(path) = postgres::database() else { return };
    let place = Place::at(path, tempfile::tempdir().unwrap());
    let server = place.server();
    assert_eq!(place.status(&server, &place.bob).await, 200);
    place.sql("TRUNCATE api_keys");
    eventually(async || place.status(&server, &place.bob).await == 401).await;
}

#[tokio::test]
async fn whoever_keeps_others_from_writing_keeps_nobody_from_seeing() {
    let Some(path) = postgres::database() else { return };
    let place = Place::at(path, tempfile::tempdir().unwrap());
    let server = place.server_with(Memory { grace: Duration::from_secs(2), ..Memory::default() });
    let other = Store::open(&place.path).unwrap();
    let key = PlainKey::mint();
    let held = std::thread::spawn(move || {
        // Longer than until uses are written down, and waited for in vain.
        other.insert_key_when(NewKey::of(&key, "bob", "Slow"), || {
            std::thread::sleep(Duration::from_secs(12));
            Ok::<_, StoreError>(())
        })
    });
    while !held.is_finished() {
        assert_eq!(place.status(&server, &place.bob).await, 200, "it looks no more");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    held.join().unwrap().unwrap();
}

#[test]
fn a_schema_that_was_made_for_it_is_used_and_one_of_somebody_else_is_not() {
    let (Some(made), Some(foreign)) = (postgres::database(), postgres::database()) else { return };
    postgres::execute(&made, "CREATE SCHEMA mcp_auth");
    drop(Store::open(&made).unwrap());
    postgres::execute(&foreign, "CREATE ROLE other; CREATE SCHEMA mcp_auth AUTHORIZATION other");
    let error = Store::open(&foreign).err().unwrap().to_string();
    assert!(error.contains("belongs to another user") && error.contains("ALTER SCHEMA"), "{error}");
}
