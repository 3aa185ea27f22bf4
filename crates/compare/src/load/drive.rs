//! Whoever sends: many connections, each with one request at a time.
//!
//! The bytes of the requests are made once, and of an answer no more is read than how long it is
//! and which status it has, so that one processor can keep another one busy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The bytes of requests that are sent in turn.
pub(super) type Requests = Arc<[Vec<u8>]>;

/// Longest answer.
const LARGEST: usize = 64 * 1024;

/// What came back in some time.
#[derive(Clone, Debug)]
pub(super) struct Driven {
    /// How long each answer took, shortest first.
    pub(super) latencies: Vec<Duration>,
    /// How long all of it took.
    pub(super) took: Duration,
}

/// Sends requests for so long over so many connections, from a thread that has a processor to
/// itself where there are two.
///
/// # Errors
/// An answer has another status than this.
pub(super) fn drive(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    lasts: Duration,
    status: u16,
) -> anyhow::Result<Driven> {
    let requests = Arc::clone(requests);
    let sender = thread::spawn(move || {
        super::process::stay_on(super::process::SENDERS_CORE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(address, &requests, connections, lasts, status))
    });
    sender.join().map_err(|_| anyhow::anyhow!("the sender panicked"))?
}

async fn all(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    lasts: Duration,
    status: u16,
) -> anyhow::Result<Driven> {
    let started = Instant::now();
    let end = started + lasts;
    let senders: Vec<_> = (0..connections)
        .map(|number| {
            let requests = Arc::clone(requests);
            tokio::spawn(async move { one(address, &requests, number, end, status).await })
        })
        .collect();
    let mut latencies = Vec::new();
    for sender in senders {
        latencies.extend(sender.await??);
    }
    let took = started.elapsed();
    latencies.sort_unstable();
    Ok(Driven { latencies, took })
}

async fn one(
    address: SocketAddr,
    requests: &Requests,
    number: usize,
    end: Instant,
    status: u16,
) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut buffer) = (Vec::new(), Vec::with_capacity(LARGEST));
    // Each connection begins elsewhere, so that not all send the same at once.
    let mut at = number * 7919;
    let mut sent = Instant::now();
    loop {
        at += 1;
        stream.write_all(&requests[at % requests.len()]).await?;
        buffer.clear();
        let found = answered(&mut stream, &mut buffer).await?;
        ensure!(found == status, "{found} instead of {status}: {}", shown(&buffer));
        let received = Instant::now();
        latencies.push(received - sent);
        sent = received;
        if received >= end {
            return Ok(latencies);
        }
    }
}

/// Reads one answer to its end; its status.
async fn answered(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    loop {
        ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
        if let Some((status, length)) = read(buffer)? {
            if buffer.len() >= length {
                return Ok(status);
            }
            ensure!(length <= LARGEST, "an answer has {length} bytes");
        }
    }
}

/// The status of an answer, and how many bytes it has with its head.
fn read(buffer: &[u8]) -> anyhow::Result<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let head = match answer.parse(buffer)? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(head) => head,
    };
    let status = answer.code.context("an answer has a status")?;
    let length = answer.headers.iter().find(|one| one.name.eq_ignore_ascii_case("content-length"));
    let Some(length) = length else { bail!("{status} does not say how long it is") };
    let length: usize = std::str::from_utf8(length.value)?.parse()?;
    Ok(Some((status, head + length)))
}

fn shown(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end() {
        let answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(read(answer).unwrap(), Some((401, answer.len())));
        assert_eq!(read(&answer[..20]).unwrap(), None);
        assert!(read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
