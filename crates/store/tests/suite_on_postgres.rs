//! The same suite on a PostgreSQL server that the tests start. Without the programs of one it is
//! skipped, unless `MCP_AUTH_REQUIRE_POSTGRES` is set.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod place;
mod suite;

use mcp_auth::authn::apikey::PlainKey;
use store::{NewKey, Store, StoreError};

use crate::place::postgres::Server;
use crate::place::{GRACE, Place, eventually};

#[tokio::test]
async fn a_server_that_is_away_is_an_outage_and_one_that_comes_back_is_followed() {
    let Some(mut database) = Server::start() else { return };
    let place = Place::at(database.database(), tempfile::tempdir().unwrap());
    let (server, patient) = (place.server(), Store::open_with(&place.path, GRACE * 1000).unwrap());
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
    let Some(path) = place::postgres::database() else { return };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(&path).map(drop))).collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
    place::postgres::execute(&path, "UPDATE version SET version = 9");
    let error = Store::open(&path).err().unwrap().to_string();
    assert!(error.contains("version 9") && error.contains("up to 1"), "{error}");
}
