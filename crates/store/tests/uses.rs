//! How often keys were used: counted by a server, written down in batches, read by `keygen`.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "other tests use all of it")]
mod place;

use std::fs;
use std::time::Duration;

use place::{Place, eventually};
use store::{Memory, Store, StoredKey};

fn key_of(place: &Place, owner: &str) -> StoredKey {
    let keys = Store::open(&place.path).unwrap().list_keys().unwrap();
    keys.into_iter().find(|key| key.owner == owner).unwrap()
}

#[tokio::test]
async fn what_cannot_be_written_down_is_written_later_and_keeps_nobody_out() {
    let place = Place::new();
    let server =
        place.server_with(Memory { grace: Duration::from_secs(3600), ..Memory::default() });
    let away = place.path.with_extension("away");
    fs::rename(&place.path, &away).unwrap();
    eventually(async || server.ready().is_err()).await;
    for _ in 0..2 {
        assert_eq!(place.status(&server, &place.bob).await, 200);
    }
    // Until it was tried in vain.
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    assert_eq!(place.status(&server, &place.bob).await, 200);
    fs::rename(&away, &place.path).unwrap();
    eventually(async || key_of(&place, "bob").uses == 3).await;
    place.sql("UPDATE key_uses SET last_used = 'x', uses = -1");
    let damaged = key_of(&place, "bob");
    assert_eq!((damaged.uses, damaged.last_used), (0, None));
    assert_eq!(place.status(&place.server(), &place.bob).await, 200);
}
