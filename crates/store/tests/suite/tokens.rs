//! Tokens that were taken back: one handle is the server's, the other `keygen`'s.

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::jwt::{Revocations, RevokedToken, TokenName};
use store::{MOST_REVOKED, Revocation, Store};

use crate::place::{Place, eventually};

#[tokio::test]
async fn a_revoked_token_is_known_here_at_once_and_elsewhere_soon_until_it_has_ended() {
    let place = Place::new();
    let (server, other) = (place.server(), Store::open(&place.path).unwrap());
    assert!(!server.is_revoked(named("live")).unwrap());
    assert!(matches!(server.revoke_token(&token("live", 60)).unwrap(), Revocation::Now(_)));
    assert!(matches!(server.revoke_token(&token("live", 60)).unwrap(), Revocation::Already(_)));
    assert!(server.is_revoked(named("live")).unwrap());
    eventually(async || other.is_revoked(named("live")).unwrap()).await;

    for (jti, minutes) in [("ended", -1), ("ended-long-ago", -11)] {
        server.revoke_token(&token(jti, minutes * 60)).unwrap();
        assert!(server.is_revoked(named(jti)).unwrap());
    }
    // Any other change forgets what has ended by any clock, and nothing else.
    server.revoke_key(place.bob.id()).unwrap();
    assert!(!server.is_revoked(named("ended-long-ago")).unwrap());
    for kept in ["ended", "live"] {
        assert!(server.is_revoked(named(kept)).unwrap(), "{kept}");
    }
    eventually(async || !other.is_revoked(named("ended-long-ago")).unwrap()).await;
    drop((server, other));
    assert!(place.server().is_revoked(named("live")).unwrap(), "also after a restart");
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

#[test]
fn a_client_that_has_given_back_too_many_tokens_has_none_left_and_fills_no_memory() {
    let place = Place::new();
    let server = place.server();
    place.sql(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_REVOKED})
         INSERT INTO revoked_tokens SELECT CAST(i AS TEXT), 'c', '2999-01-01T00:00:00.000000Z', '' FROM n"
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
    // Not all at once, which would let every server read all of the store.
    assert_eq!(place.count("revoked_tokens"), MOST_REVOKED - 1000 + 1);
    assert_eq!(place.count("revoked_until"), 1);
    place.sql("UPDATE revoked_until SET until = 'x'");
    assert!(place.server().is_revoked(later).unwrap(), "what is no time revokes");
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
