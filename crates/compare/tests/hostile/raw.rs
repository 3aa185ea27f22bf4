//! Requests as bytes on a socket, because no HTTP client would send some of them.

use std::time::Duration;

use client::Credential;
use compare::{Side, wire};
use http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) use super::answer::Answer;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

const FORM: &str = "application/x-www-form-urlencoded";
const ACCEPT: &str = "application/json, text/event-stream";
/// The last version of the protocol with sessions.
const WITH_SESSIONS: &str = "2025-11-25";

/// One request. Method, target, names and values go out as they are.
pub(crate) struct Raw {
    method: String,
    target: String,
    version: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
}

enum Body {
    Whole(Vec<u8>),
    /// So many bytes are announced, and none is sent.
    Announced(u64),
    /// In chunks, of which the last never comes.
    Unfinished(Vec<u8>),
}

impl Raw {
    /// A call of `get_time` that lacks nothing but a credential.
    pub(crate) fn call(side: &Side) -> Self {
        Self::call_of(side, "get_time")
    }

    /// The same of another tool.
    pub(crate) fn call_of(side: &Side, tool: &str) -> Self {
        Self::of(wire::call(&side.url, None, tool, json!({})))
    }

    /// A POST of 2026-07-28 with another method of MCP.
    pub(crate) fn method_of_mcp(side: &Side, method: &str, params: Value) -> Self {
        let mut body: Value = serde_json::from_str(&call_body(side, "get_time")).unwrap();
        let meta = body["params"]["_meta"].take();
        body["method"] = json!(method);
        body["params"] = params;
        body["params"]["_meta"] = meta;
        let name =
            ["name", "uri", "taskId"].iter().find_map(|member| body["params"][*member].as_str());
        let raw = Self::call(side).set("mcp-method", method).without("mcp-name");
        let raw = match name {
            Some(name) => raw.with("mcp-name", name),
            None => raw,
        };
        raw.body(body.to_string())
    }

    /// A POST as older clients send it.
    pub(crate) fn older(side: &Side, body: &Value) -> Self {
        let raw = Self::to(side, "POST", "/mcp").with("content-type", "application/json");
        raw.with("accept", ACCEPT)
            .with("mcp-protocol-version", WITH_SESSIONS)
            .body(body.to_string())
    }

    /// A form for an endpoint beside MCP.
    pub(crate) fn form(side: &Side, path: &str, body: &str) -> Self {
        Self::to(side, "POST", path).with("content-type", FORM).body(body)
    }

    /// A request with a `Host` and nothing else.
    pub(crate) fn to(side: &Side, method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: path.to_owned(),
            version: "HTTP/1.1",
            headers: vec![("host".to_owned(), host(side).into())],
            body: Body::Whole(Vec::new()),
        }
    }

    /// The same bytes that an HTTP client would send.
    pub(crate) fn of(request: Request<String>) -> Self {
        let (head, body) = request.into_parts();
        let mut headers =
            vec![("host".to_owned(), head.uri.authority().unwrap().as_str().as_bytes().to_vec())];
        headers.extend(
            head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())),
        );
        Self {
            method: head.method.to_string(),
            target: head.uri.path_and_query().unwrap().to_string(),
            version: "HTTP/1.1",
            headers,
            body: Body::Whole(body.into_bytes()),
        }
    }

    /// Adds a header, also if there is one of that name.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sends a header with this value, and no other of that name.
    pub(crate) fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// Presents a credential in the header of its scheme.
    pub(crate) fn present(self, credential: &Credential) -> Self {
        self.with(credential.header_name().as_str(), credential.header_value().as_bytes())
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

    pub(crate) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub(crate) fn http_1_0(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// Announces so many bytes and sends none.
    pub(crate) fn announced(mut self, length: u64) -> Self {
        self.body = Body::Announced(length);
        self
    }

    /// Sends this much of a body in chunks that never ends.
    pub(crate) fn unfinished(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Unfinished(body.into());
        self
    }

    /// Sends it on a connection of its own, and reads until that is closed, or for 20 s.
    pub(crate) async fn send(&self, side: &Side) -> Answer {
        self.send_to(host(side)).await
    }

    /// The same to a server that is no side of the comparison.
    pub(crate) async fn send_to(&self, address: &str) -> Answer {
        let mut read = Vec::new();
        let exchange = async {
            let socket = TcpStream::connect(address).await.unwrap();
            let (mut reader, mut writer) = socket.into_split();
            let bytes = self.bytes();
            // A server that refuses early may reset the connection; what it said counts.
            let write = async {
                let _ = writer.write_all(&bytes).await;
            };
            let read = async {
                let _ = reader.read_to_end(&mut read).await;
            };
            tokio::join!(write, read);
        };
        // A stream that stays open is judged by how it began.
        let _ = tokio::time::timeout(PATIENCE, exchange).await;
        Answer::parse(&read, self.presented())
    }

    /// Sends it and keeps the connection, for an answer that goes on and on.
    pub(crate) async fn open(&self, side: &Side) -> TcpStream {
        let mut socket = TcpStream::connect(host(side)).await.unwrap();
        socket.write_all(&self.bytes()).await.unwrap();
        socket
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} {}\r\n", self.method, self.target, self.version);
        let framed = self.headers.iter().any(|(name, _)| name == "content-length");
        let framing = match &self.body {
            _ if framed => String::new(),
            Body::Whole(body) => format!("content-length: {}\r\n", body.len()),
            Body::Announced(length) => format!("content-length: {length}\r\n"),
            Body::Unfinished(_) => "transfer-encoding: chunked\r\n".to_owned(),
        };
        bytes.push_str(&framing);
        bytes.push_str("connection: close\r\n");
        let mut bytes = bytes.into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        match &self.body {
            Body::Whole(body) => bytes.extend_from_slice(body),
            Body::Announced(_) => {}
            Body::Unfinished(body) => {
                // One chunk that claims to be longer than what comes, so that all that comes
                // is read: unread bytes would reset the connection and lose the answer.
                bytes.extend_from_slice(format!("{:x}\r\n", body.len() + 1024).as_bytes());
                bytes.extend_from_slice(body);
            }
        }
        bytes
    }

    /// All that is a secret in the headers, so that no answer repeats it.
    fn presented(&self) -> Vec<String> {
        let secret = |name: &str| matches!(name, "authorization" | "x-api-key");
        let values = self.headers.iter().filter(|(name, _)| secret(&name.to_ascii_lowercase()));
        let words = values.flat_map(|(_, value)| {
            let text = String::from_utf8_lossy(value).into_owned();
            text.split([' ', ',', '\t']).map(str::to_owned).collect::<Vec<_>>()
        });
        // `Bearer`, `Digest` and the like are words that anybody may say.
        words.filter(|word| word.len() > 12).collect()
    }
}

/// The body of a call of 2026-07-28.
pub(crate) fn call_body(side: &Side, tool: &str) -> String {
    wire::call(&side.url, None, tool, json!({})).into_body()
}

/// Host and port of a server.
pub(crate) fn host(side: &Side) -> &str {
    side.origin().strip_prefix("http://").unwrap()
}
