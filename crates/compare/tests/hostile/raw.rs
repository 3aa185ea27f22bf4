//! Requests as bytes on a socket, because no HTTP client would send some of them.

use std::time::Duration;

use compare::{Side, wire};
use http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

/// One request. Names and values go out as they are.
pub(crate) struct Raw {
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: String,
}

/// What came back before the connection was closed.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Raw {
    /// A call of `get_time` that lacks nothing but a credential.
    pub(crate) fn call(side: &Side) -> Self {
        Self::of(wire::call(&side.url, None, "get_time", json!({})))
    }

    /// The same bytes that an HTTP client would send.
    pub(crate) fn of(request: Request<String>) -> Self {
        let (head, body) = request.into_parts();
        let mut headers =
            vec![("host".to_owned(), head.uri.authority().unwrap().as_str().as_bytes().to_vec())];
        headers.extend(
            head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())),
        );
        let target = head.uri.path_and_query().unwrap().to_string();
        Self { target, headers, body }
    }

    /// Adds a header, also if there is one of that name.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds `Authorization: Bearer`.
    pub(crate) fn bearer(self, credential: &str) -> Self {
        self.with("authorization", format!("Bearer {credential}"))
    }

    /// Adds a query string.
    pub(crate) fn query(mut self, query: &str) -> Self {
        self.target = format!("{}?{query}", self.target);
        self
    }

    /// Sends a form in place of JSON (RFC 6750 §2.2).
    pub(crate) fn form(mut self, body: String) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        self.body = body;
        self.with("content-type", "application/x-www-form-urlencoded")
    }

    /// Sends it on a connection of its own, and reads until that is closed.
    pub(crate) async fn send(&self, side: &Side) -> Answer {
        let mut bytes = format!("POST {} HTTP/1.1\r\n", self.target).into_bytes();
        let length = self.body.len().to_string().into_bytes();
        let last = [("content-length".to_owned(), length), ("connection".into(), b"close".into())];
        for (name, value) in self.headers.iter().chain(&last) {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_bytes());
        let exchange = async {
            let address = side.origin().strip_prefix("http://").unwrap();
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(&bytes).await.unwrap();
            let mut answer = Vec::new();
            // A server that refuses early may reset the connection; what it said counts.
            let _ = socket.read_to_end(&mut answer).await;
            answer
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await.expect("no answer in 20 s");
        Answer::parse(&String::from_utf8_lossy(&answer))
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self { status: status.unwrap_or(0), head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON; `Null` if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Head and body without what differs between any two answers.
    pub(crate) fn without_trace(&self) -> String {
        let trace = self.header("x-request-id").unwrap_or("no trace id");
        let head = self.head.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
        let text = format!("{}\n\n{}", head.collect::<Vec<_>>().join("\n"), self.body);
        text.replace(trace, "TRACE")
    }
}
