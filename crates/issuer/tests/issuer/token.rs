//! `POST /token`: who gets a token, and what it is good for.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};

use crate::endpoint::{
    Answer, Endpoint, FORM, GRANT, ISSUER, JSON, RESOURCE, basic_value, endpoint, endpoint_with,
    post, post_to, refused,
};

#[tokio::test]
async fn a_client_gets_a_token_that_the_server_takes() {
    let endpoint = endpoint();
    for answer in [
        endpoint.basic(GRANT).await,
        endpoint.in_body("&grant_type=client_credentials&unknown=1").await,
    ] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers[CONTENT_TYPE], "application/json");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[PRAGMA], "no-cache");
        assert_eq!(answer.body["token_type"], "Bearer");
        assert_eq!(answer.body["expires_in"], 3600);
        assert_eq!(answer.body["scope"], "weather:read shopping:read");
        assert!(answer.body.get("refresh_token").is_none());
        let token = answer.body["access_token"].as_str().unwrap();
        let identity = endpoint.verifier.verify(token).unwrap();
        assert_eq!(identity.owner(), (ISSUER, "bob"));
        assert_eq!(identity.user_number.as_deref(), Some("1"));
        assert_eq!(identity.client, endpoint.id);
        assert_eq!(identity.scopes, ["weather:read", "shopping:read"]);
        assert!(!identity.credential.is_empty());
    }
}

#[tokio::test]
async fn fewer_scopes_can_be_asked_for_and_no_others() {
    let endpoint = endpoint();
    let ask = async |scope: &str| {
        endpoint.basic(&format!("grant_type=client_credentials&scope={scope}")).await
    };
    assert_eq!(ask("weather%3Aread").await.body["scope"], "weather:read");
    assert_eq!(ask("").await.body["scope"], "weather:read shopping:read");
    refused(&ask("shopping:remove").await, 400, "invalid_scope");
    refused(&ask("weather:read+shopping:remove").await, 400, "invalid_scope");
    refused(&ask("no:such").await, 400, "invalid_scope");
}

#[tokio::test]
async fn a_scope_that_another_implies_can_be_asked_for() {
    let endpoint = endpoint_with(|setup| {
        setup.record.scopes = vec!["shopping:write".to_owned()];
        setup.change = Box::new(|issuer| {
            issuer.with_scope_closure(Arc::new(|given| {
                let mut all: BTreeSet<String> = given.iter().cloned().collect();
                if all.contains("shopping:write") {
                    all.insert("shopping:read".to_owned());
                }
                all
            }))
        });
    });
    let ask = async |scope: &str| endpoint.basic(&format!("{GRANT}&scope={scope}")).await;
    assert_eq!(ask("shopping:read").await.body["scope"], "shopping:read");
    assert_eq!(ask("").await.body["scope"], "shopping:write");
    refused(&ask("shopping:remove").await, 400, "invalid_scope");
}

#[tokio::test]
async fn a_client_without_scopes_gets_none() {
    let endpoint = endpoint_with(|setup| setup.record.scopes.clear());
    let answer = endpoint.basic(GRANT).await;
    let token = answer.body["access_token"].as_str().unwrap();
    assert!(endpoint.verifier.verify(token).unwrap().scopes.is_empty());
    assert!(answer.body.get("scope").is_none());
}

#[tokio::test]
async fn unknown_wrong_and_revoked_are_told_the_same() {
    let endpoint = endpoint();
    let unknown = endpoint.basic_as("nobody", &endpoint.secret, GRANT).await;
    refused(&unknown, 401, "invalid_client");
    assert_eq!(unknown.headers[WWW_AUTHENTICATE], "Basic realm=\"token\"");
    let wrong = endpoint.basic_as(&endpoint.id, "wrong", GRANT).await;
    let of_another = endpoint.basic_as(&endpoint.id, endpoint.other.reveal_secret(), GRANT).await;
    let revoked = endpoint_with(|setup| setup.record.revoked = true);
    let wrong_and_revoked = revoked.basic_as(&revoked.id, "wrong", GRANT).await;
    let revoked = revoked.basic(GRANT).await;
    for answer in [wrong, of_another, wrong_and_revoked, revoked] {
        refused(&answer, 401, "invalid_client");
        assert_ne!(answer.body["trace_id"], unknown.body["trace_id"]);
        // To the last byte, but for what names the one request.
        assert_eq!(but_trace(&answer), but_trace(&unknown));
        assert_eq!(answer.headers, unknown.headers);
    }
    let nothing = endpoint.send(post(GRANT, &[])).await;
    refused(&nothing, 401, "invalid_client");
    let bearer = [(AUTHORIZATION.as_str(), "Bearer abc")];
    refused(&endpoint.send(post(GRANT, &bearer)).await, 401, "invalid_client");
}

fn but_trace(answer: &Answer) -> String {
    answer.text.replace(answer.body["trace_id"].as_str().expect("a refusal names its request"), "")
}

#[tokio::test]
async fn a_client_authenticates_in_one_way() {
    let endpoint = endpoint();
    let Endpoint { id, secret, .. } = &endpoint;
    let both = endpoint.basic(&format!("{GRANT}&client_id={id}&client_secret={secret}")).await;
    refused(&both, 400, "invalid_request");
    let other = endpoint.basic(&format!("{GRANT}&client_id=other")).await;
    refused(&other, 400, "invalid_request");
    assert_eq!(endpoint.basic(&format!("{GRANT}&client_id={id}")).await.status, 200);
    let value = basic_value(id, secret);
    let header = (AUTHORIZATION.as_str(), value.as_str());
    refused(&endpoint.send(post(GRANT, &[header, header])).await, 400, "invalid_request");
    let in_query = Request::post(format!("/token?client_id={id}&client_secret={secret}&{GRANT}"))
        .header(CONTENT_TYPE, FORM);
    let answer = endpoint.send(in_query.body(Body::empty()).unwrap()).await;
    refused(&answer, 400, "invalid_request");
}

#[tokio::test]
async fn basic_halves_are_form_encoded() {
    let odd = "id with space:100%&=+";
    let endpoint = endpoint_with(|setup| odd.clone_into(&mut setup.record.id));
    let encoded: String = form_urlencoded::byte_serialize(odd.as_bytes()).collect();
    let answer = endpoint.basic_as(&encoded, &endpoint.secret, GRANT).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn only_one_grant_is_offered() {
    let endpoint = endpoint();
    refused(&endpoint.basic("scope=weather:read").await, 400, "invalid_request");
    refused(&endpoint.basic("grant_type=").await, 400, "invalid_request");
    for other in ["password", "authorization_code", "Client_Credentials", "refresh_token"] {
        let answer = endpoint.basic(&format!("grant_type={other}")).await;
        refused(&answer, 400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn a_parameter_is_sent_once() {
    let endpoint = endpoint();
    for body in [
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=weather:read&scope=shopping:read",
        "grant_type=client_credentials&scope=&scope=shopping:read",
    ] {
        refused(&endpoint.basic(body).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn tokens_are_for_this_server_alone() {
    let endpoint = endpoint();
    let ask = async |resources: &[&str]| {
        let mut body = GRANT.to_owned();
        for resource in resources {
            body.push_str("&resource=");
            body.extend(form_urlencoded::byte_serialize(resource.as_bytes()));
        }
        endpoint.basic(&body).await
    };
    for ours in [&[RESOURCE][..], &["HTTP://127.0.0.1:8102/mcp"], &[RESOURCE, RESOURCE], &[""]] {
        assert_eq!(ask(ours).await.status, 200, "{ours:?}");
    }
    for other in [
        &["https://other.example/mcp"][..],
        &[RESOURCE, "https://other.example/mcp"],
        &[RESOURCE, "http://127.0.0.1:8102/mcp/"],
        &["http://127.0.0.1:8102/mcp#fragment"],
        &["http://127.0.0.1:8102/mcp\r\n"],
        &["http://127.0.0.1:8102/mcp/"],
        &["/mcp"],
    ] {
        refused(&ask(other).await, 400, "invalid_target");
    }
}

#[tokio::test]
async fn only_a_form_sent_with_post_is_read() {
    let endpoint = endpoint();
    let Endpoint { id, secret, .. } = &endpoint;
    let json = format!(
        r#"{{"grant_type":"client_credentials","client_id":"{id}","client_secret":"{secret}"}}"#
    );
    let json = endpoint.send(post(&json, &[(CONTENT_TYPE.as_str(), JSON)])).await;
    refused(&json, 400, "invalid_request");
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let charset = [(CONTENT_TYPE.as_str(), "Application/X-WWW-Form-Urlencoded; charset=UTF-8")];
    assert_eq!(endpoint.send(post(&form, &charset)).await.status, 200);
    let untyped = Request::post("/token").body(Body::from(form.clone())).unwrap();
    refused(&endpoint.send(untyped).await, 400, "invalid_request");

    let get = endpoint.send(Request::get("/token").body(Body::empty()).unwrap()).await;
    refused(&get, 405, "invalid_request");
    assert_eq!(get.headers["allow"], "POST");

    let large = format!("{form}&unknown={}", "x".repeat(issuer::MAX_BODY));
    refused(&endpoint.send(post(&large, &[])).await, 413, "invalid_request");
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_ask_again_and_no_other_is() {
    let endpoint = endpoint_with(|setup| {
        setup.change = Box::new(|issuer| issuer.limited("1/h,2".parse().unwrap()));
    });
    for _ in 0..3 {
        let wrong = endpoint.basic_as(&endpoint.id, "wrong", GRANT).await;
        refused(&wrong, 401, "invalid_client");
    }
    let token = endpoint.token().await;
    endpoint.token().await;
    let basic = basic_value(&endpoint.id, &endpoint.secret);
    let body = format!("token={token}");
    let revoke = || post_to("/revoke", body.as_bytes(), &[(AUTHORIZATION.as_str(), &basic)]);
    let no_more = endpoint.basic(GRANT).await;
    // Whoever may fetch no more can still give back.
    assert_eq!(endpoint.send(revoke()).await.status, 200);
    assert_eq!(endpoint.send(revoke()).await.status, 200);
    for answer in [no_more, endpoint.send(revoke()).await] {
        refused(&answer, 429, "temporarily_unavailable");
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((3590..=3600).contains(&wait), "{wait}");
        assert_eq!(answer.headers["ratelimit"], format!("\"caller\";r=0;t={wait}"));
        assert_eq!(answer.headers["ratelimit-policy"], "\"caller\";q=1;w=3600");
    }
    endpoint.token_of(endpoint.other.id(), endpoint.other.reveal_secret()).await;
}
