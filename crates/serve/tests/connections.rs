//! From where connections come, and how many there may be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod raw;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::routing::get;
use mcp_auth::guard::front::Front;
use mcp_auth::guard::peer::{Peer, Proxies};
use serve::{Drain, Outer, PublicUrl, Running, TimeLimits};
use tokio::net::{TcpSocket, TcpStream};
use tower::ServiceExt;

use crate::raw::{ask, is_closed, serve};

const SOON: Duration = Duration::from_secs(2);
const PROXY: [u8; 4] = [127, 0, 0, 9];

fn routes() -> Router {
    let peer = async |request: Request| match Peer::of(request.extensions()) {
        Some(address) => address.to_string(),
        None => "nobody".to_owned(),
    };
    Router::new().route("/peer", get(peer))
}

fn server(most: usize, proxies: &[&str]) -> Running {
    let proxies: Proxies = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
    serve(routes(), TimeLimits::default(), |app| {
        app.sockets.most_connections = most;
        app.sockets.proxies = Arc::new(proxies);
    })
}

/// A connection from this address of the loopback network.
async fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(to).await.unwrap()
}

async fn serves(stream: &mut TcpStream) -> bool {
    ask(stream, "/peer", "").await.starts_with("HTTP/1.1 200 ")
}

#[tokio::test]
async fn only_a_named_proxy_says_from_where_a_request_comes() {
    let server = server(1024, &["127.0.0.9"]);
    let forged = "x-forwarded-for: 192.0.2.1\r\n";
    let forwarded = "x-forwarded-for: 192.0.2.1, 198.51.100.7\r\n";
    for (from, headers, peer) in [
        ([127, 0, 0, 1], "", "127.0.0.1"),
        ([127, 0, 0, 1], forged, "127.0.0.1"),
        (PROXY, "", "127.0.0.9"),
        (PROXY, forwarded, "198.51.100.7"),
    ] {
        let mut stream = connect_from(from, server.addr).await;
        let text = ask(&mut stream, "/peer", headers).await;
        assert!(text.ends_with(&format!("\r\n\r\n{peer}")), "{from:?} {headers:?}: {text}");
    }
}

#[tokio::test]
async fn without_a_connection_there_is_no_peer() {
    let url: PublicUrl = "http://127.0.0.1".parse().unwrap();
    let app = Outer::new(Front::new(url.uri(), true)).around(routes(), &Drain::new());
    let request = Request::get("/peer").header("host", "127.0.0.1").body(Body::empty());
    let answer = app.router.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), "nobody");
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let server = server(8, &[]);
    let mut one = connect_from([127, 0, 0, 1], server.addr).await;
    let mut two = connect_from([127, 0, 0, 1], server.addr).await;
    assert!(serves(&mut one).await && serves(&mut two).await);
    let mut three = connect_from([127, 0, 0, 1], server.addr).await;
    assert!(is_closed(&mut three, SOON).await, "a third connection of one address was taken");
    let mut other = connect_from([127, 0, 0, 2], server.addr).await;
    assert!(serves(&mut other).await && serves(&mut one).await);

    drop(two);
    let mut again = connect_from([127, 0, 0, 1], server.addr).await;
    let mut tries = 0;
    while is_closed(&mut again, Duration::from_millis(100)).await {
        tries += 1;
        assert!(tries < 20, "a place that was given up is not given again");
        again = connect_from([127, 0, 0, 1], server.addr).await;
    }
    assert!(serves(&mut again).await);
}

#[tokio::test]
async fn all_addresses_together_have_no_more_than_the_cap() {
    let server = server(8, &["127.0.0.9"]);
    let mut held = Vec::new();
    // A proxy calls for many, and may have more than a quarter.
    for _ in 0..8 {
        let mut stream = connect_from(PROXY, server.addr).await;
        assert!(serves(&mut stream).await);
        held.push(stream);
    }
    for from in [PROXY, [127, 0, 0, 1]] {
        let mut stream = connect_from(from, server.addr).await;
        assert!(is_closed(&mut stream, SOON).await, "{from:?} was taken over the cap");
    }
    for stream in &mut held {
        assert!(serves(stream).await);
    }
}
