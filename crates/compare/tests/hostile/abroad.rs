//! T45, T46: a server leads a client astray. A client takes its credential to no other place,
//! and does not ask again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::any;
use client::{Connection, Credential, Error, Protocol};
use compare::Side;
use tokio::net::TcpListener;

/// Most requests that a client makes before it gives up: in `Auto` it asks once in each protocol.
const PATIENCE: usize = 2;

/// # Panics
/// The client went elsewhere, or asked more often than it may.
pub(crate) async fn client(side: &Side) {
    let elsewhere = Arc::new(AtomicUsize::new(0));
    let trap = serving(StatusCode::OK, "", Arc::clone(&elsewhere)).await;
    for status in [301, 302, 303, 307, 308, 400, 401, 403, 404] {
        let status = StatusCode::from_u16(status).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let url = serving(status, &trap, Arc::clone(&asked)).await;
        for protocol in [Protocol::Auto, Protocol::V2025_11_25, Protocol::V2026_07_28] {
            asked.store(0, Ordering::Relaxed);
            let kind = side.kind;
            let error = open(&url, &side.bob, protocol).await;
            let told = error.to_string();
            let asked = asked.load(Ordering::Relaxed);
            assert!((1..=PATIENCE).contains(&asked), "{kind} {status} {protocol:?}: {asked} times");
            let credential = side.bob.header_value().to_str().unwrap();
            assert!(!told.contains(credential), "{kind} {status} {protocol:?}: {told}");
        }
    }
    assert_eq!(elsewhere.load(Ordering::Relaxed), 0, "{} was led elsewhere", side.kind);
}

async fn open(url: &str, credential: &Credential, protocol: Protocol) -> Error {
    match Connection::open(url, Arc::new(credential.clone()), protocol).await {
        Ok(_) => panic!("a refusal was taken for a server"),
        Err(error) => error,
    }
}

/// A server that counts who comes, answers all alike, and points to another.
async fn serving(status: StatusCode, elsewhere: &str, visits: Arc<AtomicUsize>) -> String {
    let lead = format!(
        "Bearer realm=\"mcp\", error=\"insufficient_scope\", scope=\"all\", \
         resource_metadata=\"{elsewhere}\""
    );
    let location = elsewhere.to_owned();
    let app = Router::new().fallback(any(move || {
        visits.fetch_add(1, Ordering::Relaxed);
        let headers =
            [(header::WWW_AUTHENTICATE, lead.clone()), (header::LOCATION, location.clone())];
        std::future::ready((status, headers, "{}"))
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}
