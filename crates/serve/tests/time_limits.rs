//! Clients that take their time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod raw;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use http_body::Frame;
use mcp_auth::audit::{Auditor, Decision, Placing};
use mcp_auth::authn::Scheme;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::guard::front::Front;
use mcp_auth::{Challenge, Identity, Rejection};
use serve::{Drain, Outer, PublicUrl, Running, TimeLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::raw::{answer, ask, is_closed, serve};

const MS: Duration = Duration::from_millis(1);

fn server() -> Running {
    let mut limits = TimeLimits::default();
    (limits.pause, limits.body, limits.answer) = (400 * MS, 1000 * MS, 1500 * MS);
    let routes = Router::new()
        .route("/refuse", post(async || StatusCode::UNAUTHORIZED))
        .route("/read", post(async |body: Bytes| body.len().to_string()))
        .route("/work", post(async |_: Bytes| sleep(60_000 * MS).await));
    serve(routes, limits, |_| ())
}

async fn post_to(server: &Running, path: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n");
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off_with_a_408() {
    let server = server();
    let started = Instant::now();
    let (mut reading, mut writing) = post_to(&server, "/read", 1000).await.into_split();
    let trickle = tokio::spawn(async move {
        // Never silent for as long as is allowed.
        while writing.write_all(b"x").await.is_ok() {
            sleep(100 * MS).await;
        }
    });
    let mut text = String::new();
    let cut_off = tokio::time::timeout(5000 * MS, reading.read_to_string(&mut text)).await;
    cut_off.expect("it is still waited for after 5 s").unwrap();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    let head = text.to_ascii_lowercase();
    for part in ["connection: close", "x-request-id: ", "\"error\":\"request_timeout\""] {
        assert!(head.contains(part), "no {part} in: {text}");
    }
    assert!((900..3000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    trickle.await.unwrap();
}

#[tokio::test]
async fn silence_in_the_middle_of_a_body_is_not_waited_for() {
    let server = server();
    let started = Instant::now();
    let mut stream = post_to(&server, "/read", 10).await;
    stream.write_all(b"x").await.unwrap();
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!((300..900).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert!(is_closed(&mut stream, 1000 * MS).await);
}

#[tokio::test]
async fn a_body_that_comes_in_time_is_read() {
    let server = server();
    let mut stream = post_to(&server, "/read", 3).await;
    for _ in 0..3 {
        sleep(200 * MS).await;
        stream.write_all(b"x").await.unwrap();
    }
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("\r\n\r\n3"), "{text}");
}

#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_is_a_504() {
    let server = server();
    for body in ["", "x"] {
        let started = Instant::now();
        let mut stream = post_to(&server, "/work", body.len()).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 504 "), "{text}");
        assert!(text.contains("\"error\":\"timeout\""), "{text}");
        assert!((1400..4000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    }
}

/// Nobody has to guess whether a call was carried out that never was.
#[tokio::test]
async fn who_only_waited_to_be_taken_down_is_told_that_nothing_was_done() {
    let worked = Arc::new(AtomicBool::new(false));
    let work = worked.clone();
    let door = Authenticate::new(Anybody, Challenge::default());
    let routes = Router::new()
        .route("/work", post(async move || work.store(true, Ordering::SeqCst)))
        .layer(door);
    let mut limits = TimeLimits::default();
    limits.answer = 300 * MS;
    let full: Arc<dyn Auditor> = Arc::new(Full);
    let listener = serve::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = PublicUrl::of(listener.local_addr().unwrap());
    let outer = Outer::new(Front::new(url.uri(), true)).time_limits(limits);
    let app = outer.around(routes, &Drain::new()).audited([full].into_iter().collect());
    let server = serve::start(listener, app).unwrap();
    let text = answer(&mut post_to(&server, "/work", 0).await).await;
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("Nothing was done"), "{text}");
    assert!(text.contains("retry-after: 5"), "{text}");
    assert!(!worked.load(Ordering::SeqCst));
    server.stop().await;
}

/// Knows everybody.
struct Anybody;

impl Scheme for Anybody {
    fn name(&self) -> &'static str {
        "anybody"
    }

    async fn authenticate(&self, _: &Parts) -> Result<Arc<Identity>, Rejection> {
        Ok(Arc::new(Identity::new("anybody", "test", "bob")))
    }
}

/// Has no room, and does not say when there will be some.
struct Full;

impl Auditor for Full {
    fn decided(&self, _: &Decision<'_>) {}

    fn place(&self) -> Option<Placing> {
        Some(Box::pin(std::future::pending()))
    }
}

/// Clients in Python send head and body one after the other.
#[tokio::test]
async fn who_is_refused_before_its_body_came_can_ask_again() {
    let server = server();
    let mut stream = post_to(&server, "/refuse", 3).await;
    sleep(20 * MS).await;
    stream.write_all(b"abc").await.unwrap();
    for _ in 0..2 {
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
        assert!(!text.to_ascii_lowercase().contains("connection: close"), "{text}");
        // Both at once, the second time.
        let head = "POST /refuse HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc";
        stream.write_all(head.as_bytes()).await.unwrap();
    }
}

/// Who sends the body never, or much of it, or only when asked, is told that the connection ends.
#[tokio::test]
async fn a_body_that_does_not_come_ends_the_connection_and_the_answer_says_so() {
    let server = server();
    for (length, header) in [(3, ""), (100_000_000, ""), (3, "expect: 100-continue\r\n")] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let head = "POST /refuse HTTP/1.1\r\nhost: localhost\r\n";
        let head = format!("{head}{header}content-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
        assert!(text.to_ascii_lowercase().contains("connection: close"), "{length}: {text}");
        assert!(is_closed(&mut stream, 1000 * MS).await);
    }
}

/// A body whose frames come from elsewhere.
struct Frames(mpsc::Receiver<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A server that sends what is put into the channel.
fn sending(slow_reader: Duration) -> (Running, mpsc::Sender<Bytes>) {
    let (sender, receiver) = mpsc::channel(1);
    let frames = std::sync::Mutex::new(Some(receiver));
    let frames = std::sync::Arc::new(frames);
    let stream = async move || Body::new(Frames(frames.lock().unwrap().take().unwrap()));
    let mut limits = TimeLimits::default();
    limits.answer = 300 * MS;
    let routes = Router::new().route("/stream", get(stream));
    (serve(routes, limits, |app| app.sockets.slow_reader = slow_reader), sender)
}

#[tokio::test]
async fn a_stream_may_take_as_long_as_it_likes() {
    let (server, sender) = sending(300 * MS);
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    // Longer than an answer may take to begin, and than a reader may take nothing.
    sleep(1000 * MS).await;
    sender.send(Bytes::from_static(b"late")).await.unwrap();
    drop(sender);
    let mut text = String::new();
    let mut part = [0; 1024];
    while !text.ends_with("0\r\n\r\n") {
        let count = stream.read(&mut part).await.unwrap();
        assert_ne!(count, 0, "cut off after: {text}");
        text.push_str(std::str::from_utf8(&part[..count]).unwrap());
    }
    assert!(text.contains("late"), "{text}");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let (server, sender) = sending(500 * MS);
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let started = Instant::now();
    let many = Bytes::from(vec![b'x'; 1 << 20]);
    let cut_off = async { while sender.send(many.clone()).await.is_ok() {} };
    let cut_off = tokio::time::timeout(5000 * MS, cut_off).await;
    cut_off.expect("it is still being sent to after 5 s");
    assert!(started.elapsed() > 400 * MS, "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let routes = Router::new().route("/", get(async || "done"));
    let server = serve(routes, TimeLimits::default(), |app| app.sockets.head = 600 * MS);
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    for _ in 0..2 {
        let text = ask(&mut stream, "/", "").await;
        assert!(text.ends_with("done"), "{text}");
        // The time starts anew with each request.
        assert!(!is_closed(&mut stream, 400 * MS).await);
    }
    assert!(is_closed(&mut stream, 2000 * MS).await);
}
