//! What is refused before anybody asks who it is: forms, headers, sizes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request};
use http_body::Frame;

use crate::endpoint::{
    Endpoint, FORM, GRANT, JSON, basic_value, endpoint, endpoint_with, post, post_to, refused,
};

#[tokio::test]
async fn malformed_basic_is_400_and_a_wrong_secret_401() {
    let endpoint = endpoint();
    let Endpoint { id, secret, .. } = &endpoint;
    let encoded = |joined: &[u8]| format!("Basic {}", STANDARD.encode(joined)).into_bytes();
    let send = async |value: &[u8]| {
        let mut request = post(GRANT, &[]);
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        endpoint.send(request).await
    };
    for malformed in [
        b"Basic".to_vec(),
        b"Basic ".to_vec(),
        b"Basic\tYTpi".to_vec(),
        b"Basic !!".to_vec(),
        b"Basic YTpi\xff".to_vec(),
        encoded(id.as_bytes()),
        encoded(format!("{id}:%zz").as_bytes()),
        encoded(format!("{id}:%ff").as_bytes()),
        encoded(&[id.as_bytes(), b":\xff"].concat()),
    ] {
        refused(&send(&malformed).await, 400, "invalid_request");
    }
    for wrong in [encoded(b":"), encoded(format!("{id}:").as_bytes()), encoded(b"a:b")] {
        refused(&send(&wrong).await, 401, "invalid_client");
    }
    let long = [b"Basic ".to_vec(), vec![b'a'; 9000]].concat();
    refused(&send(&long).await, 431, "invalid_request");
    assert_eq!(send(&encoded(format!("{id}:{secret}").as_bytes())).await.status, 200);
    // A second way of authenticating, whichever it is.
    let body = format!("{GRANT}&client_id={id}&client_secret={secret}");
    let bearer = [(AUTHORIZATION.as_str(), "Bearer abc")];
    refused(&endpoint.send(post(&body, &bearer)).await, 400, "invalid_request");
    let assertion = endpoint.basic(&format!("{GRANT}&client_assertion=a.b.c")).await;
    refused(&assertion, 400, "invalid_request");
}

#[tokio::test]
async fn a_form_is_read_strictly() {
    let endpoint = endpoint();
    for body in ["scope=%zz", "scope=%", "scope=%f", "scope=%ff", "scope=%c3", "sc%zzope=a"] {
        refused(&endpoint.basic(&format!("{GRANT}&{body}")).await, 400, "invalid_request");
    }
    let value = basic_value(&endpoint.id, &endpoint.secret);
    let header = [(AUTHORIZATION.as_str(), value.as_str())];
    for raw in [&b"\xff"[..], b"a b", b"a\nb", "\u{e9}".as_bytes(), b"\0"] {
        let body = [GRANT.as_bytes(), b"&unknown=", raw].concat();
        let answer = endpoint.send(post_to("/token", &body, &header)).await;
        refused(&answer, 400, "invalid_request");
    }
    for both in ["weather:read+shopping:read", "weather%3aread%20shopping%3Aread"] {
        let answer = endpoint.basic(&format!("{GRANT}&scope={both}")).await;
        assert_eq!(answer.body["scope"], "weather:read shopping:read");
    }
    let doubled = endpoint.basic(&format!("{GRANT}&grant%5Ftype=client_credentials")).await;
    refused(&doubled, 400, "invalid_request");
    let charset = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded; charset=latin1")];
    refused(&endpoint.send(post(GRANT, &charset)).await, 400, "invalid_request");
}

#[tokio::test]
async fn scopes_are_names_with_one_space_between() {
    let endpoint = endpoint();
    for scope in [
        "weather:read++shopping:read",
        "+weather:read",
        "weather:read+",
        "+",
        "weather:read%00",
        "weather:read%0d%0aX:+y",
        "weather:read%09shopping:read",
        "%22weather:read%22",
        "weather:read%c3%a9",
    ] {
        let answer = endpoint.basic(&format!("{GRANT}&scope={scope}")).await;
        refused(&answer, 400, "invalid_scope");
    }
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_long_is_not_read() {
    let endpoint = endpoint();
    let touched = Arc::new(AtomicBool::new(false));
    let body = Body::new(Watched(Arc::clone(&touched)));
    let request = Request::post("/token")
        .header(CONTENT_TYPE, FORM)
        .header(CONTENT_LENGTH, issuer::MAX_BODY + 1)
        .body(body)
        .unwrap();
    refused(&endpoint.send(request).await, 413, "invalid_request");
    assert!(!touched.load(Ordering::SeqCst));
    // Announced as short, or not at all, and yet too long.
    let long = format!("{GRANT}&unknown={}", "x".repeat(issuer::MAX_BODY));
    refused(&endpoint.basic(&long).await, 413, "invalid_request");
}

/// A body that notices when it is read.
struct Watched(Arc<AtomicBool>);

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.store(true, Ordering::SeqCst);
        Poll::Ready(None)
    }
}

#[tokio::test]
async fn no_credential_is_taken_from_the_url() {
    let endpoint = endpoint();
    let Endpoint { id, secret, .. } = &endpoint;
    let value = basic_value(id, secret);
    let header = [(AUTHORIZATION.as_str(), value.as_str())];
    for query in ["client_secret=x", "client%5Fid=x", "a=b&access_token=x", "api_key=x"] {
        let target = format!("/token?{query}");
        let answer = endpoint.send(post_to(&target, GRANT.as_bytes(), &header)).await;
        refused(&answer, 400, "invalid_request");
    }
    // Unknown parameters are ignored, and known ones are not read from there.
    let target = "/token?a=b&scope=no:such&grant_type=password";
    let answer = endpoint.send(post_to(target, GRANT.as_bytes(), &header)).await;
    assert_eq!(answer.status, 200);
    let target = format!("/token?{GRANT}");
    refused(&endpoint.send(post_to(&target, b"", &header)).await, 400, "invalid_request");
}

#[tokio::test]
async fn no_answer_repeats_what_was_sent() {
    let endpoint = endpoint();
    let mark = "zzmarkzz";
    let hostile = format!("{mark}%3Cscript%3E%0d%0aSet-Cookie:+{mark}%3d1");
    for (body, status) in [
        (format!("grant_type={hostile}"), 400),
        (format!("{GRANT}&scope={hostile}"), 400),
        (format!("{GRANT}&resource={hostile}"), 400),
        (format!("{GRANT}&{hostile}=1&{hostile}=2"), 400),
        (format!("{GRANT}&client_id={hostile}"), 400),
        (format!("{GRANT}&unknown={hostile}&{hostile}=1"), 200),
    ] {
        let answer = endpoint.basic(&body).await;
        assert_eq!(answer.status, status, "{body}");
        let headers = format!("{:?}", answer.headers);
        assert!(!answer.text.contains(mark) && !headers.contains(mark), "{}", answer.text);
    }
    let answer = endpoint.basic_as(&hostile, &hostile, GRANT).await;
    refused(&answer, 401, "invalid_client");
    assert!(!answer.text.contains(mark), "{}", answer.text);
}

#[tokio::test]
async fn json_is_read_where_that_was_asked_for_and_by_the_same_rules() {
    let form_alone = endpoint();
    let endpoint = endpoint_with(|setup| {
        setup.change = Box::new(|issuer| issuer.accept_json(true));
    });
    let whole = |endpoint: &Endpoint| {
        format!(
            r#"{{"grant_type":"client_credentials","client_id":"{}","client_secret":"{}"}}"#,
            endpoint.id, endpoint.secret
        )
    };
    let json = [(CONTENT_TYPE.as_str(), JSON)];
    let refusal = form_alone.send(post(&whole(&form_alone), &json)).await;
    refused(&refusal, 400, "invalid_request");

    let answer = endpoint.send(post(&whole(&endpoint), &json)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let token = answer.body["access_token"].as_str().unwrap();
    assert!(endpoint.verifier.verify(token).is_ok());
    assert_eq!(endpoint.basic(GRANT).await.status, 200, "a form is still read");

    let value = basic_value(&endpoint.id, &endpoint.secret);
    let with_basic = [json[0], (AUTHORIZATION.as_str(), &value)];
    let send = async |body: &str| endpoint.send(post(body, &with_basic)).await;
    for malformed in [
        "",
        "[]",
        GRANT,
        r#"{"grant_type":"client_credentials","grant_type":"client_credentials"}"#,
        r#"{"grant_type":["client_credentials"]}"#,
        r#"{"grant_type":"client_credentials","scope":null}"#,
        r#"{"grant_type":"client_credentials","resource":["a"]}"#,
        r#"{"grant_type":"client_credentials","x":{"y":"z"}}"#,
        r#"{"grant_type":"client_credentials","client_secret":"twice"}"#,
    ] {
        refused(&send(malformed).await, 400, "invalid_request");
    }
    let scope = r#"{"grant_type":"client_credentials","scope":"weather:read"}"#;
    assert_eq!(send(scope).await.body["scope"], "weather:read");
    let scope = r#"{"grant_type":"client_credentials","scope":"a  b"}"#;
    refused(&send(scope).await, 400, "invalid_scope");
    let revoke = format!(r#"{{"token":"{token}"}}"#);
    let answer = endpoint.send(post_to("/revoke", revoke.as_bytes(), &with_basic)).await;
    assert_eq!(answer.status, 200);
    assert!(endpoint.verifier.verify(token).is_err());
}
