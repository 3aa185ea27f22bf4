//! The layers together, around a service that tells what reached it.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use mcp_auth::authn::credential::Credential;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authn::{Scheme, apikey::verify::NAME};
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::peek::Peek;
use mcp_auth::authz::{Catalogue, CatalogueTool, Permit, Policy};
use mcp_auth::guard::limit::{Failures, Limit};
use mcp_auth::guard::peer::Peer;
use mcp_auth::guard::session::{IDLE, LIFE, Sessions};
use mcp_auth::{Challenge, Identity, Rejection};
use tower::{Service, ServiceBuilder, ServiceExt};

/// Takes the user's name for a credential.
struct ByName;

impl Scheme for ByName {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn authenticate(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        let (Credential::Bearer(user) | Credential::ApiKey(user)) = Credential::read(head)? else {
            return Err(Rejection::no_credential("no bearer"));
        };
        // `bob.write` is bob with one more scope.
        let (user, more) = user.split_once('.').unwrap_or((user, ""));
        match user {
            "nobody" => return Err(Rejection::invalid_credential("nobody is not known")),
            "late" => return Err(Rejection::expired_credential("it has ended")),
            "lost" => return Err(Rejection::revoked_credential("it was taken back")),
            _ => {}
        }
        let scopes = ["read", more].into_iter().filter(|scope| !scope.is_empty());
        let scopes = scopes.map(str::to_owned).collect();
        Ok(Arc::new(Identity { scopes, ..Identity::new(NAME, "test", user) }))
    }
}

fn policy() -> Arc<Policy> {
    let catalogue: Catalogue = ["look", "change", "erase"]
        .map(|name| CatalogueTool { name: name.into(), read_only: name == "look" })
        .into_iter()
        .collect();
    let text = "[scopes.read]\ntools = [\"look\"]\n[scopes.write]\ntools = [\"change\"]\n\
                [roles.admin]\ntools = [\"*\"]";
    Arc::new(Policy::parse(text, catalogue).unwrap())
}

/// Answers 200 with all that it was given; opens session `s1` on `initialize`.
async fn tell(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let permit = Permit::of(&head.extensions).map(|permit| permit.allowed().join(","));
    let text = format!("{:?} permit={permit:?} {:?}", head.headers, body);
    let opens = body.windows(10).any(|window| window == b"initialize");
    let mut response = Response::new(Full::from(text));
    if opens {
        response.headers_mut().insert("mcp-session-id", "s1".parse().unwrap());
    }
    Ok(response)
}

async fn ask<S, R>(
    service: &S,
    request: http::request::Builder,
    body: &str,
) -> (u16, String, String)
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible> + Clone,
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let request = request.body(Full::from(body.to_owned())).unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, challenge, String::from_utf8(body.to_vec()).unwrap())
}

fn post(user: &str) -> http::request::Builder {
    Request::post("/mcp").header("authorization", format!("Bearer {user}"))
}

macro_rules! stack {
    () => {
        ServiceBuilder::new()
            .layer(Authenticate::new(ByName, Challenge::default()))
            .layer(Peek)
            .layer(Sessions::new().layer())
            .layer(Authorize::layer(policy(), Challenge::default()))
            .service_fn(tell)
    };
}

#[tokio::test]
async fn a_known_caller_passes_without_its_credential() {
    let stack = stack!();
    let call = r#"{"id":1,"method":"tools/call","params":{"name":"look"}}"#;
    for request in [post("bob"), Request::post("/mcp").header("x-api-key", "bob")] {
        let (status, _, seen) = ask(&stack, request, call).await;
        assert_eq!(status, 200);
        for word in ["authorization", "x-api-key", "bob"] {
            assert!(!seen.contains(word), "{seen}");
        }
        assert!(seen.contains(r#"permit=Some("look")"#), "{seen}");
        assert!(seen.contains("tools/call"), "the body goes on unchanged: {seen}");
    }
}

#[tokio::test]
async fn what_is_not_granted_is_403_and_says_what_would_help() {
    let stack = stack!();
    let call = |tool| format!(r#"{{"id":7,"method":"tools/call","params":{{"name":"{tool}"}}}}"#);
    let (status, challenge, body) = ask(&stack, post("bob"), &call("change")).await;
    assert_eq!(status, 403);
    assert!(challenge.contains(r#"error="insufficient_scope", scope="write""#), "{challenge}");
    assert!(body.contains(r#""id":7"#), "{body}");
    let (status, challenge, _) = ask(&stack, post("bob"), &call("erase")).await;
    assert_eq!((status, challenge.as_str()), (403, ""));
    // Whether a tool is there is for the handler to say.
    assert_eq!(ask(&stack, post("bob"), &call("nothing")).await.0, 200);
}

#[tokio::test]
async fn nobody_is_answered_before_it_is_known_who_asks() {
    let stack = stack!();
    for method in ["POST", "GET", "DELETE", "PUT", "OPTIONS", "HEAD"] {
        let request = Request::builder().method(method).uri("/mcp");
        assert_eq!(ask(&stack, request, "{").await.0, 401, "{method}");
    }
}

#[tokio::test]
async fn a_session_is_only_its_owners() {
    let stack = stack!();
    assert_eq!(ask(&stack, post("bob"), r#"{"method":"initialize"}"#).await.0, 200);
    assert_eq!(ask(&stack, in_session("bob", "POST", "s1"), "{}").await.0, 200);
    for method in ["POST", "GET", "DELETE"] {
        let (foreign, _, foreign_body) = ask(&stack, in_session("alice", method, "s1"), "{}").await;
        let (unknown, _, unknown_body) = ask(&stack, in_session("alice", method, "s2"), "{}").await;
        assert_eq!((foreign, unknown), (404, 404), "{method}");
        let but_trace = |body: &str| body.split("trace_id").next().unwrap().to_owned();
        assert_eq!(but_trace(&foreign_body), but_trace(&unknown_body));
    }
    // The new protocol has no sessions: the header does not get through.
    let modern = in_session("alice", "POST", "s1").header("mcp-protocol-version", "2026-07-28");
    let (status, _, seen) = ask(&stack, modern, r#"{"method":"initialize"}"#).await;
    assert!(status == 200 && !seen.contains("mcp-session-id"), "{seen}");
    assert_eq!(ask(&stack, in_session("bob", "DELETE", "s1"), "").await.0, 200);
    assert_eq!(ask(&stack, in_session("bob", "POST", "s1"), "{}").await.0, 404);
}

fn in_session(user: &str, method: &str, id: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri("/mcp")
        .header("authorization", format!("Bearer {user}"))
        .header("mcp-session-id", id)
}

#[tokio::test]
async fn a_stream_is_opened_only_with_all_rights_that_its_session_was_used_with() {
    let stack = stack!();
    ask(&stack, post("bob"), r#"{"method":"initialize"}"#).await;
    assert_eq!(ask(&stack, in_session("bob", "GET", "s1"), "").await.0, 200);
    assert_eq!(ask(&stack, in_session("bob.write", "POST", "s1"), "{}").await.0, 200);
    assert_eq!(ask(&stack, in_session("bob", "GET", "s1"), "").await.0, 404);
    assert_eq!(ask(&stack, in_session("bob", "POST", "s1"), "{}").await.0, 200);
    assert_eq!(ask(&stack, in_session("bob.write", "GET", "s1"), "").await.0, 200);
}

#[tokio::test]
async fn a_session_ends_however_busy_it_is_and_its_owner_sees_it() {
    let life = std::time::Duration::from_millis(300);
    for (idle, life) in [(IDLE, life), (life, LIFE)] {
        let sessions = Sessions::new().lasting(idle, life);
        let stack = ServiceBuilder::new()
            .layer(Authenticate::new(ByName, Challenge::default()))
            .layer(Peek)
            .layer(sessions.layer())
            .service_fn(tell);
        ask(&stack, post("bob"), r#"{"method":"initialize"}"#).await;
        let of = |user| sessions.of(&Arc::new(Identity::new(NAME, "test", user)));
        assert_eq!(of("bob").len(), 1);
        assert_eq!(of("bob")[0].id, "s1");
        assert_eq!(of("alice").len(), 0);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert_eq!(ask(&stack, in_session("bob", "POST", "s1"), "{}").await.0, 200);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        // Used in time: only the end of its life ends it.
        let expected = if idle == IDLE { 404 } else { 200 };
        assert_eq!(ask(&stack, in_session("bob", "POST", "s1"), "{}").await.0, expected);
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        assert_eq!(ask(&stack, in_session("bob", "POST", "s1"), "{}").await.0, 404);
        assert_eq!(of("bob").len(), 0);
    }
}

#[tokio::test]
async fn a_session_id_that_is_none_is_400() {
    let stack = stack!();
    for id in ["", "a b", "\u{e9}", &"x".repeat(257)] {
        assert_eq!(ask(&stack, in_session("bob", "POST", id), "{}").await.0, 400, "{id:?}");
    }
}

#[tokio::test]
async fn a_caller_has_its_own_limit_and_nothing_else_is_done_past_it() {
    let stack = ServiceBuilder::new()
        .layer(Authenticate::new(ByName, Challenge::default()))
        .layer(Limit::layer("1/h,3".parse().unwrap()))
        .layer(Peek)
        .service_fn(tell);
    for _ in 0..3 {
        assert_eq!(ask(&stack, post("bob"), "{}").await.0, 200);
    }
    // A body that could be read in two ways is not looked at any more.
    let (status, _, body) = ask(&stack, post("bob"), r#"{"id":1,"id":2}"#).await;
    assert!(status == 429 && body.contains("rate_limited"), "{status} {body}");
    assert_eq!(
        ask(&stack, post("bob.write"), "{}").await.0,
        429,
        "another credential, same caller"
    );
    assert_eq!(ask(&stack, post("alice"), r#"{"id":1,"id":2}"#).await.0, 400);
}

#[tokio::test]
async fn credentials_that_fail_slow_down_their_address_and_no_good_one() {
    let failures = Failures::new("1/h,2".parse().unwrap());
    let stack = ServiceBuilder::new()
        .layer(Authenticate::counting(ByName, Challenge::default(), failures))
        .service_fn(tell);
    let from = |user: &str, peer: &str| post(user).extension(Peer(peer.parse().unwrap()));
    for expected in [401, 401, 429, 429] {
        assert_eq!(ask(&stack, from("nobody", "192.0.2.1"), "{}").await.0, expected);
    }
    assert_eq!(ask(&stack, from("bob", "192.0.2.1"), "{}").await.0, 200, "the same address");
    assert_eq!(ask(&stack, from("nobody", "192.0.2.2"), "{}").await.0, 401, "another address");
    // Whoever had a good one has to hear that it is good no more, and guesses nothing.
    for user in ["late", "lost"] {
        let (status, challenge, _) = ask(&stack, from(user, "192.0.2.1"), "{}").await;
        assert!(status == 401 && challenge.contains("invalid_token"), "{user}");
    }
    let (_, challenge, _) = ask(&stack, from("nobody", "192.0.2.1"), "{}").await;
    assert!(challenge.contains("invalid_token"), "with the 429 too: {challenge}");
    // Whoever sends nothing guesses nothing.
    let nothing = Request::post("/mcp").extension(Peer("192.0.2.1".parse().unwrap()));
    assert_eq!(ask(&stack, nothing, "{}").await.0, 401);
}

#[tokio::test]
async fn many_at_once_do_not_slip_past_the_limit_of_sessions() {
    let sessions = Sessions::new();
    let slow = async |_| {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let response = Response::builder().header("mcp-session-id", format!("n{id}"));
        Ok::<_, Infallible>(response.body(Full::<Bytes>::default()).unwrap())
    };
    let stack = ServiceBuilder::new()
        .layer(Authenticate::new(ByName, Challenge::default()))
        .layer(Peek)
        .layer(sessions.layer())
        .service_fn(slow);
    let open = |user| ask(&stack, post(user), r#"{"method":"initialize"}"#);
    let all = futures_join((0..100).map(|_| open("bob")).collect()).await;
    let opened = all.iter().filter(|(status, ..)| *status == 200).count();
    assert_eq!(opened, 32, "and the rest is 429");
    assert!(all.iter().all(|(status, ..)| matches!(status, 200 | 429)));
    assert_eq!(open("alice").await.0, 200, "nobody else is kept out");
}

#[tokio::test]
async fn whoever_hangs_up_has_taken_a_place_all_the_same() {
    let never = async |_| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await;
    let sessions = Sessions::new();
    let stack = ServiceBuilder::new()
        .layer(Authenticate::new(ByName, Challenge::default()))
        .layer(Peek)
        .layer(sessions.layer())
        .service_fn(never);
    let short = std::time::Duration::from_millis(5);
    for _ in 0..32 {
        let asked = ask(&stack, post("bob"), r#"{"method":"initialize"}"#);
        assert!(tokio::time::timeout(short, asked).await.is_err());
    }
    assert_eq!(ask(&stack, post("bob"), r#"{"method":"initialize"}"#).await.0, 429);
    let alice = ask(&stack, post("alice"), r#"{"method":"initialize"}"#);
    assert!(tokio::time::timeout(short, alice).await.is_err(), "nobody else is kept out");
}

/// Polls all of them at once.
async fn futures_join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut waiting {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        match waiting.iter().all(|(_, output)| output.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn a_layer_without_those_before_it_refuses() {
    let authorize = Authorize::layer(policy(), Challenge::default());
    let alone = ServiceBuilder::new().layer(authorize.clone()).service_fn(tell);
    assert_eq!(ask(&alone, post("bob"), "{}").await.0, 500);
    let no_peek = ServiceBuilder::new()
        .layer(Authenticate::new(ByName, Challenge::default()))
        .layer(authorize)
        .service_fn(tell);
    assert_eq!(ask(&no_peek, post("bob"), "{}").await.0, 500);
    let sessions = ServiceBuilder::new().layer(Sessions::new().layer()).service_fn(tell);
    assert_eq!(ask(&sessions, post("bob"), "{}").await.0, 500);
}
