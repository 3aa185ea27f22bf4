//! What every route of every server has around it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use axum::routing::{get, post};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use mcp_auth::authn::Scheme;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::guard::front::Front;
use mcp_auth::{Challenge, Identity, Rejection};
use serve::{App, Drain, Outer, PublicUrl};
use tower::ServiceExt;

const PAGE: &str = "https://app.example";

fn app(pages: &[String]) -> App {
    let url: PublicUrl = "https://mcp.example".parse().unwrap();
    let routes = Router::new()
        .route("/work", post(async || "done"))
        .route("/panic", get(async || -> &'static str { panic!("the password is hunter2") }))
        .merge(
            Router::new()
                .route("/verify", get(async || "done"))
                .layer(Authenticate::new(Panics, Challenge::default())),
        )
        .fallback(async || StatusCode::NOT_FOUND);
    let own = Front::new(url.uri(), false);
    let front = pages.iter().fold(own, |front, page| front.allow_origin(page));
    Outer::new(front).pages(pages).around(routes, &Drain::new())
}

/// A scheme that fails as no scheme should.
struct Panics;

impl Scheme for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }

    async fn authenticate(&self, _: &Parts) -> Result<Arc<Identity>, Rejection> {
        panic!("the password is hunter2")
    }
}

async fn send(app: &App, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let app = app(&[]);
    let mut ids = Vec::new();
    for (method, path) in
        [(Method::POST, "/work"), (Method::GET, "/healthz"), (Method::GET, "/nothing")]
    {
        let headers = [("host", "mcp.example"), ("x-request-id", "forged")];
        let answer = send(&app, method, path, &headers).await;
        ids.push(answer.headers()["x-request-id"].to_str().unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(!ids.contains(&"forged".to_owned()));
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_only_the_id() {
    // In a handler, and in the verifier of a credential: neither lets anybody in.
    for path in ["/panic", "/verify"] {
        let answer = send(&app(&[]), Method::GET, path, &[("host", "mcp.example")]).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(&id), "{path}: {body}");
        for word in ["hunter2", "panic", "done"] {
            assert!(!body.contains(word), "{path}: {body}");
        }
    }
}

#[tokio::test]
async fn a_foreign_host_reaches_nothing_but_health() {
    let app = app(&[]);
    let evil = [("host", "evil.example")];
    for (method, path) in [(Method::POST, "/work"), (Method::GET, "/nothing")] {
        assert_eq!(send(&app, method, path, &evil).await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(send(&app, Method::GET, "/healthz", &evil).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn readiness_is_what_the_server_says() {
    let url: PublicUrl = "https://mcp.example".parse().unwrap();
    let readable = Arc::new(AtomicBool::new(true));
    let question = Arc::clone(&readable);
    let app = Outer::new(Front::new(url.uri(), false))
        .ready(move || match question.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(Rejection::unavailable(Duration::ZERO, "the disk of bob is gone")),
        })
        .around(Router::new(), &Drain::new());
    let ready = async || {
        // Whoever asks is a load balancer, which calls by address.
        let answer = send(&app, Method::GET, "/readyz", &[("host", "192.0.2.1")]).await;
        let status = answer.status();
        (status, to_bytes(answer.into_body(), 100).await.unwrap())
    };
    assert_eq!(ready().await, (StatusCode::OK, "ready\n".into()));
    readable.store(false, Ordering::Relaxed);
    assert_eq!(ready().await, (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".into()));
    readable.store(true, Ordering::Relaxed);
    assert_eq!(ready().await, (StatusCode::OK, "ready\n".into()));
}

#[tokio::test]
async fn only_pages_that_were_named_may_ask() {
    let asking = |origin| {
        [
            ("host", "mcp.example"),
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,mcp-session-id"),
        ]
    };
    let named = app(&[PAGE.to_owned()]);
    let answer = send(&named, Method::OPTIONS, "/work", &asking(PAGE)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
    let allowed = answer.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && !allowed.contains('*'), "{allowed}");
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));

    // Only a preflight goes without a credential: any other OPTIONS is the route's to judge.
    let answer = send(&named, Method::OPTIONS, "/nothing", &asking(PAGE)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    for count in 1..3 {
        let answer = send(&named, Method::OPTIONS, "/nothing", &asking(PAGE)[..count]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{count}");
    }
    let without_origin = [asking(PAGE)[0], asking(PAGE)[2]];
    let answer = send(&named, Method::OPTIONS, "/nothing", &without_origin).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);

    let headers = [("host", "mcp.example"), ("origin", PAGE)];
    let answer = send(&named, Method::POST, "/work", &headers).await;
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
    for name in ["www-authenticate", "mcp-session-id", "x-request-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }

    for app in [&named, &app(&[])] {
        let answer = send(app, Method::OPTIONS, "/work", &asking("https://evil.example")).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}
