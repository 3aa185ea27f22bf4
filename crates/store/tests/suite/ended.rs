//! What one revocation ends of many credentials, and what is known of one that ended: one handle is
//! the server's, the other `keygen`'s.

use std::sync::mpsc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcp_auth::Identity;
use mcp_auth::authn::Standing;
use mcp_auth::authn::apikey::{Lookup, PlainKey};
use mcp_auth::authn::client::PlainClient;
use mcp_auth::authn::jwt::{Revocations, TokenName};
use store::{NewClient, NewKey, Revocation, Store, StoreError};

use crate::place::{Place, eventually};

#[tokio::test]
async fn a_key_is_revoked_with_those_that_took_over_from_it_and_no_other() {
    let place = Place::new();
    let (server, keygen) = (place.server(), Store::open(&place.path).unwrap());
    let [second, third] = [(); 2].map(|()| PlainKey::mint());
    let until = Timestamp::now() + SignedDuration::from_hours(1);
    for (former, next) in [(&place.bob, &second), (&second, &third)] {
        let done = keygen.rotate_key_when(former.id(), next, until, |_| Ok::<_, StoreError>(()));
        done.unwrap();
    }
    eventually(async || place.status(&server, &third).await == 200).await;
    assert!(matches!(keygen.revoke_key(third.id()).unwrap(), Revocation::Now(_)));

    let ended = keygen.revoke_key_and_successors(second.id()).unwrap();
    let ids: Vec<_> = ended.iter().map(|(id, found)| (id.as_str(), found.is_old())).collect();
    let [second_id, third_id] = [&second, &third].map(|key| key.id().to_string());
    assert_eq!(ids, [(second_id.as_str(), false), (third_id.as_str(), true)]);
    eventually(async || place.status(&server, &second).await == 401).await;
    for key in [&place.bob, &place.alice] {
        assert_eq!(place.status(&server, key).await, 200, "it was there before, or is another's");
    }
    let nobody = keygen.revoke_key_and_successors(PlainKey::mint().id());
    assert!(matches!(nobody, Err(StoreError::UnknownKey(_))));
}

#[tokio::test]
async fn all_that_a_user_has_is_revoked_and_what_comes_later_is_good() {
    let place = Place::new();
    let (server, keygen) = (place.server(), Store::open(&place.path).unwrap());
    place.sql("UPDATE clients SET scopes = 'cannot be read'");
    let now = Timestamp::now().as_second();
    let token = TokenName { user: Some("bob"), issued: Some(now), ..TokenName::default() };
    assert!(!server.is_revoked(token).unwrap());

    let ended = keygen.revoke_user("bob").unwrap();
    assert_eq!(ended.keys, [place.bob.id().to_string()]);
    assert_eq!(ended.clients, [place.client.id()]);
    eventually(async || server.is_revoked(token).unwrap()).await;
    assert_eq!(place.status(&server, &place.bob).await, 401);
    assert_eq!(place.status(&server, &place.alice).await, 200);
    assert!(server.is_revoked(TokenName { issued: None, ..token }).unwrap(), "it has no age");
    for good in [
        TokenName { issued: Some(now + 60), ..token },
        TokenName { user: Some("alice"), ..token },
        TokenName { user: None, client: Some("bob"), ..token },
    ] {
        assert!(!server.is_revoked(good).unwrap(), "{good:?}");
    }
    let client = Some(place.client.id());
    assert!(server.is_revoked(TokenName { client, ..TokenName::default() }).unwrap());

    let again = keygen.revoke_user("bob").unwrap();
    assert!(again.keys.is_empty() && again.clients.is_empty() && again.until >= ended.until);
    let new = PlainKey::mint();
    keygen.insert_key(NewKey::of(&new, "bob", "New")).unwrap();
    eventually(async || place.status(&server, &new).await == 200).await;
    assert!(keygen.revoke_user(" ").unwrap_err().to_string().contains("must not be empty"));
}

#[tokio::test]
async fn what_a_revoked_key_signed_is_refused_however_young() {
    let place = Place::new();
    let (server, keygen) = (place.server(), Store::open(&place.path).unwrap());
    let issued = Some(i64::MAX);
    let token = TokenName { key: Some("k1"), issued, ..TokenName::default() };
    assert!(!server.is_revoked(token).unwrap());
    assert!(matches!(keygen.revoke_signing_key("k1").unwrap(), Revocation::Now(_)));
    assert!(matches!(keygen.revoke_signing_key("k1").unwrap(), Revocation::Already(_)));
    eventually(async || server.is_revoked(token).unwrap()).await;
    assert!(!server.is_revoked(TokenName { key: Some("k2"), ..token }).unwrap());
    assert_eq!(keygen.revoked_signing_keys().unwrap(), ["k1"]);
    assert!(keygen.revoke_signing_key("k 1").is_err());
}

#[tokio::test]
async fn who_has_something_open_is_told_that_its_credential_ended() {
    let place = Place::new();
    let (server, keygen) = (place.server(), Store::open(&place.path).unwrap());
    let bob = server.find(place.bob.id()).await.unwrap().unwrap().identity.clone();
    let mut changes = server.changes();
    assert_eq!(server.end(&bob).unwrap(), None);

    let soon = Timestamp::now() + SignedDuration::from_hours(1);
    let next = PlainKey::mint();
    keygen.rotate_key_when(place.bob.id(), &next, soon, |_| Ok::<_, StoreError>(())).unwrap();
    tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap();
    eventually(async || server.end(&bob).unwrap().is_some_and(|end| end <= soon)).await;
    assert!(server.end(&bob).unwrap() > Some(Timestamp::now()));

    keygen.revoke_key(place.bob.id()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap().unwrap();
    eventually(async || server.end(&bob).unwrap() <= Some(Timestamp::now())).await;
    let credential = next.id().to_string();
    let next = Identity { credential, ..(*bob).clone() };
    assert_eq!(server.end(&next).unwrap(), None, "the one that took over goes on");
    place.sql("DELETE FROM api_keys");
    eventually(async || server.end(&next).unwrap() == Some(Timestamp::UNIX_EPOCH)).await;

    let token = Identity { credential: "j".to_owned(), ..Identity::new("jwt", "i", "alice") };
    assert_eq!(server.end(&token).unwrap(), None);
    keygen.revoke_user("alice").unwrap();
    eventually(async || server.end(&token).unwrap() == Some(Timestamp::UNIX_EPOCH)).await;
}

#[test]
fn what_is_being_made_while_its_user_is_revoked_is_revoked_too() {
    revoked_while_it_is_made(&Place::new());
}

pub(crate) fn revoked_while_it_is_made(place: &Place) {
    let (maker, keygen) = (Store::open(&place.path).unwrap(), Store::open(&place.path).unwrap());
    let client = PlainClient::mint();
    let new = NewClient::of(&client, "bob", "New");
    let (begun, began) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let made = maker.insert_client_when(new, || {
                begun.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(500));
                Ok::<_, StoreError>(())
            });
            made.unwrap();
        });
        began.recv().unwrap();
        let ended = keygen.revoke_user("bob").unwrap();
        assert!(ended.clients.contains(&client.id().to_owned()), "{ended:?}");
    });
}
