//! `POST /revoke` (RFC 7009).

use http::Request;
use http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA};
use mcp_auth::authn::jwt::{Claims, Signer};

use crate::endpoint::{
    Answer, Endpoint, ISSUER, RESOURCE, basic_value, endpoint, endpoint_with, post_to, refused,
};

impl Endpoint {
    async fn revoke(&self, body: &str) -> Answer {
        self.revoke_as(&self.id, &self.secret, body).await
    }

    async fn revoke_as(&self, id: &str, secret: &str, body: &str) -> Answer {
        let headers = [(AUTHORIZATION.as_str(), basic_value(id, secret))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.send(post_to("/revoke", body.as_bytes(), &headers)).await
    }

    fn is_good(&self, token: &str) -> bool {
        self.verifier.verify(token).is_ok()
    }

    /// A token of our own key that says what it likes.
    fn forged(&self, change: impl FnOnce(&mut Claims)) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut claims = Claims {
            iss: ISSUER.to_owned(),
            sub: "bob".to_owned(),
            aud: RESOURCE.into(),
            iat: Some(now),
            exp: now + 60,
            jti: Some("forged".to_owned()),
            client_id: Some(self.id.clone()),
            ..Claims::default()
        };
        change(&mut claims);
        Signer::hs256(&self.signing_secret).unwrap().mint(&claims)
    }
}

/// Empty and not to be kept.
#[track_caller]
fn accepted(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers[PRAGMA], "no-cache");
}

#[tokio::test]
async fn a_client_takes_back_its_token_and_no_other() {
    let endpoint = endpoint();
    let (first, second) = (endpoint.token().await, endpoint.token().await);
    accepted(&endpoint.revoke(&format!("token={first}")).await);
    assert!(!endpoint.is_good(&first) && endpoint.is_good(&second));
    {
        let kept = endpoint.revoked.tokens.lock().unwrap();
        assert_eq!((kept.len(), kept[0].client.as_str()), (1, endpoint.id.as_str()));
        // Until no verifier takes it: an hour, and the leeway.
        let left = kept[0].ends.as_second() - jiff::Timestamp::now().as_second();
        assert!((3603..=3605).contains(&left), "{left}");
    }
    // Twice is once.
    accepted(&endpoint.revoke(&format!("token={first}")).await);
    assert_eq!(endpoint.revoked.tokens.lock().unwrap().len(), 1);

    let Endpoint { id, secret, .. } = &endpoint;
    let body =
        format!("client_id={id}&client_secret={secret}&token_type_hint=other&token={second}");
    accepted(&endpoint.send(post_to("/revoke", body.as_bytes(), &[])).await);
    assert!(!endpoint.is_good(&second));
}

#[tokio::test]
async fn what_is_no_live_token_is_answered_as_if_it_had_been_taken_back() {
    let endpoint = endpoint();
    let good = endpoint.token().await;
    let cut = &good[..good.len() - 1];
    let of_another_key = crate::endpoint::endpoint().token().await;
    let expired = endpoint.forged(|claims| claims.exp -= 120);
    let for_another_server = endpoint.forged(|claims| claims.aud = "other".into());
    let long = "a".repeat(9000);
    for token in ["x", "a.b.c", "%00", cut, &of_another_key, &expired, &for_another_server, &long] {
        accepted(&endpoint.revoke(&format!("token={token}")).await);
    }
    assert!(endpoint.revoked.tokens.lock().unwrap().is_empty(), "nothing of it is stored");
    assert!(endpoint.is_good(&good));
    accepted(&endpoint.revoke(&format!("token={}", endpoint.forged(|_| ()))).await);
    assert_eq!(endpoint.revoked.tokens.lock().unwrap()[0].jti, "forged");
}

#[tokio::test]
async fn another_clients_token_stays_good_and_its_holder_is_told() {
    let endpoint = endpoint();
    let token = endpoint.token().await;
    let (id, secret) = (endpoint.other.id(), endpoint.other.reveal_secret());
    let answer = endpoint.revoke_as(id, secret, &format!("token={token}")).await;
    refused(&answer, 400, "unauthorized_client");
    assert!(endpoint.is_good(&token));
    assert!(!answer.text.contains(&endpoint.id) && !answer.text.contains("bob"), "{}", answer.text);
    // Of a token that is none any more, nothing is told.
    accepted(&endpoint.revoke(&format!("token={token}")).await);
    accepted(&endpoint.revoke_as(id, secret, &format!("token={token}")).await);
}

#[tokio::test]
async fn whoever_is_no_client_takes_nothing_back() {
    let endpoint = endpoint();
    let token = endpoint.token().await;
    let body = format!("token={token}");
    let unknown = endpoint.revoke_as("nobody", &endpoint.secret, &body).await;
    let wrong = endpoint.revoke_as(&endpoint.id, "wrong", &body).await;
    for answer in [&unknown, &wrong] {
        refused(answer, 401, "invalid_client");
    }
    assert_eq!(unknown.headers, wrong.headers);
    refused(&endpoint.send(post_to("/revoke", body.as_bytes(), &[])).await, 401, "invalid_client");
    let bearer = [(AUTHORIZATION.as_str(), &*format!("Bearer {token}"))];
    let with_itself = endpoint.send(post_to("/revoke", body.as_bytes(), &bearer)).await;
    refused(&with_itself, 401, "invalid_client");
    assert!(endpoint.is_good(&token));
}

#[tokio::test]
async fn the_request_has_to_be_well_formed() {
    let endpoint = endpoint();
    let token = endpoint.token().await;
    for body in ["", "token=", "token_type_hint=access_token", "token=a&token=b", "token=%zz"] {
        refused(&endpoint.revoke(body).await, 400, "invalid_request");
    }
    let target = format!("/revoke?token={token}");
    let in_query = endpoint.send(post_to(&target, b"", &[])).await;
    refused(&in_query, 400, "invalid_request");
    let get = Request::get(format!("/revoke?token={token}")).body(axum::body::Body::empty());
    let get = endpoint.send(get.unwrap()).await;
    refused(&get, 405, "invalid_request");
    assert_eq!(get.headers["allow"], "POST");
    assert!(endpoint.is_good(&token));
}

#[tokio::test]
async fn what_could_not_be_kept_is_not_said_to_be_revoked() {
    let endpoint = endpoint_with(|_| ());
    let token = endpoint.token().await;
    for what in ["writing", "reading"] {
        endpoint.revoked.unreachable.lock().unwrap().insert(what);
        let answer = endpoint.revoke(&format!("token={token}")).await;
        refused(&answer, 503, "temporarily_unavailable");
        assert!(answer.headers.contains_key("retry-after"));
        assert!(!answer.text.contains("disk"), "the log alone hears why: {}", answer.text);
        assert_eq!(endpoint.is_good(&token), what == "writing");
    }
}
