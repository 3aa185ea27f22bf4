//! Bytes over a socket, as a client would send them that means no good.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use mcp_auth::guard::front::Front;
use serve::{App, Drain, Outer, PublicUrl, Running, TimeLimits, bind, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves these routes on a free port of this machine.
pub(crate) fn serve(routes: Router, limits: TimeLimits, change: impl FnOnce(&mut App)) -> Running {
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let url = PublicUrl::of(listener.local_addr().unwrap());
    let outer = Outer::new(Front::new(url.uri(), true)).time_limits(limits);
    let mut app = outer.around(routes, &Drain::new());
    change(&mut app);
    start(listener, app).unwrap()
}

/// Sends a request without a body, and reads head and body of the answer.
pub(crate) async fn ask(stream: &mut TcpStream, path: &str, headers: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

/// Reads one answer that has a content-length.
pub(crate) async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !whole(&text) {
        let mut part = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut part));
        let count = read.await.expect("no answer").unwrap();
        assert_ne!(count, 0, "closed after: {text}");
        text.push_str(std::str::from_utf8(&part[..count]).unwrap());
    }
    text
}

fn whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

/// Whether the server closes the connection, without another byte, within this time.
pub(crate) async fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    let mut byte = [0];
    // A connection that is closed with unread bytes is reset.
    match tokio::time::timeout(within, stream.read(&mut byte)).await {
        Ok(Ok(count)) => count == 0,
        Ok(Err(_)) => true,
        Err(_) => false,
    }
}
