//! Serving over a socket, and ending.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use mcp_auth::guard::front::Front;
use serve::{Drain, Outer, PublicUrl, Running, bind, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn server() -> Running {
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(400)).await;
        "finished"
    };
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let url = PublicUrl::of(listener.local_addr().unwrap());
    let routes = Router::new().route("/slow", post(slow));
    start(listener, Outer::new(Front::new(url.uri(), true)).around(routes, &Drain::new())).unwrap()
}

#[tokio::test]
async fn a_call_that_is_being_answered_is_finished_and_no_other_is_taken() {
    let running = server();
    let address = running.addr;
    let mut call = TcpStream::connect(address).await.unwrap();
    call.write_all(b"POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let mut answer = String::new();
    call.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_server_that_ends_is_not_ready() {
    let running = server();
    let mut probe = TcpStream::connect(running.addr).await.unwrap();
    let mut call = TcpStream::connect(running.addr).await.unwrap();
    call.write_all(b"POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    // Begun before the end, so that it is answered.
    probe.write_all(b"GET /readyz HTTP/1.1\r\nhost: loc").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopped = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    probe.write_all(b"alhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    probe.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("ending\n"), "{answer}");
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_holds_up_no_end() {
    let running = server();
    let mut silent = TcpStream::connect(running.addr).await.unwrap();
    silent.write_all(b"POST /slow HTTP/1.1\r\nho").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_not_waited_for() {
    let running = server();
    let started = Instant::now();
    let mut slow = TcpStream::connect(running.addr).await.unwrap();
    slow.write_all(b"POST /slow HTTP/1.1\r\nho").await.unwrap();
    // Closed by the server; without a limit this would wait for ever.
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(15), slow.read_to_end(&mut rest));
    closed.await.expect("the connection is still open after 15 s").unwrap();
    assert!(started.elapsed() > Duration::from_secs(9), "{:?}", started.elapsed());
}

#[test]
fn a_port_that_is_taken_names_the_flag() {
    let taken = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(address).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
}
