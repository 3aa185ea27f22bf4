//! What a real OTLP receiver is sent by a server with the feature `otel`.
//! `cargo test -p apikey-server --features otel --test traces`

#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../../serve/tests/binary/mod.rs"]
mod binary;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use binary::Server;
use mcp_auth::authn::apikey::{KeyId, PlainKey};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

const EXE: &str = env!("CARGO_BIN_EXE_apikey-server");
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const IN_BODY: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const IN_HEADER: &str = "00-11111111111111111111111111111111-2222222222222222-01";
const ARGUMENT: &str = "xylophone";

#[test]
fn a_trace_is_continued_and_says_who_asked() {
    let (endpoint, received) = receiver();
    let folder = tempfile::tempdir().unwrap();
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let server = Server::start(EXE, folder.path(), &["--listen", "127.0.0.1:0"], &variables);
    let key = fs::read_to_string(folder.path().join("keys/clients/bob.apikey")).unwrap();
    let key = key.trim().to_owned();

    let both = call(&server, &key, "2026-07-28", &[("traceparent", IN_HEADER)]);
    let older = call(&server, &key, "2025-11-25", &[("traceparent", IN_HEADER)]);
    let header_alone =
        call_in(&server, &key, "2026-07-28", &[("traceparent", IN_HEADER)], "unrelated");
    let stranger = PlainKey::mint();
    let refused = call(&server, stranger.reveal(), "2026-07-28", &[("traceparent", IN_HEADER)]);
    let twice = [("traceparent", IN_HEADER), ("traceparent", IN_HEADER)];
    let ambiguous = call(&server, &key, "2025-11-25", &twice);
    // What has not been sent by now is sent before it ends.
    assert!(server.interrupt().success());
    let bodies: Vec<Vec<u8>> = received.try_iter().collect();
    let spans = spans(&bodies);

    let span = of(&spans, &both);
    assert_eq!(
        (hex(&span.trace_id).as_str(), hex(&span.parent_span_id).as_str()),
        (TRACE, "b7ad6b7169203331")
    );
    assert_eq!(span.name, "POST /mcp");
    let id = KeyId::in_key(&key).unwrap().to_string();
    for (name, value) in [
        ("enduser.id", "bob"),
        ("mcp_auth.issuer", "urn:mcp-auth:keys"),
        ("mcp_auth.scheme", "apikey"),
        ("mcp_auth.credential", id.as_str()),
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", "add_shopping_item"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/mcp"),
    ] {
        assert_eq!(attribute(&span.attributes, name).as_deref(), Some(value), "{name}");
    }
    let span = of(&spans, &older);
    assert_eq!(hex(&span.trace_id), "1".repeat(32), "older versions have no trace in the body");
    assert_eq!(hex(&span.parent_span_id), "2".repeat(16));

    let span = of(&spans, &header_alone);
    assert_eq!(hex(&span.trace_id), "1".repeat(32), "where the body has none, the header counts");
    assert_eq!(hex(&span.parent_span_id), "2".repeat(16));

    let span = of(&spans, &refused);
    assert!(span.parent_span_id.is_empty(), "a stranger writes into no trace");
    assert!(![TRACE.to_owned(), "1".repeat(32)].contains(&hex(&span.trace_id)));
    assert_eq!(attribute(&span.attributes, "http.response.status_code").as_deref(), Some("401"));
    assert_eq!(attribute(&span.attributes, "mcp_auth.scheme").as_deref(), Some("apikey"));
    assert_eq!(attribute(&span.attributes, "enduser.id"), None);
    assert!(of(&spans, &ambiguous).parent_span_id.is_empty(), "two parents are none");

    let all = bodies.concat();
    for secret in [key.as_str(), stranger.reveal(), ARGUMENT, "mcpk_"] {
        let found = all.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "{secret:?} was sent");
    }
    assert!(all.windows(13).any(|bytes| bytes == b"apikey-server"), "the service has a name");
}

#[test]
fn nothing_is_sent_that_nobody_asked_for() {
    // Where the exporter would send to if it were left to itself.
    let Ok(listener) = TcpListener::bind("127.0.0.1:4318") else { return };
    listener.set_nonblocking(true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(
        EXE,
        folder.path(),
        &["--listen", "127.0.0.1:0"],
        &[("OTEL_BSP_SCHEDULE_DELAY", "50"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
    );
    assert_eq!(server.send("GET", "/mcp", &[], "").status, 401);
    assert!(server.interrupt().success());
    assert!(listener.accept().is_err(), "somebody was told");
}

/// Adds to the shopping list; how the answer calls the request.
fn call(server: &Server, key: &str, version: &str, headers: &[(&str, &str)]) -> String {
    call_in(server, key, version, headers, "traceparent")
}

/// The same, with the trace in this member of `_meta`.
fn call_in(
    server: &Server,
    key: &str,
    version: &str,
    headers: &[(&str, &str)],
    member: &str,
) -> String {
    let mut all = vec![
        "content-type: application/json".to_owned(),
        "accept: application/json, text/event-stream".to_owned(),
        format!("mcp-protocol-version: {version}"),
        "mcp-method: tools/call".to_owned(),
        "mcp-name: add_shopping_item".to_owned(),
        format!("x-api-key: {key}"),
    ];
    all.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"add_shopping_item","arguments":{{"name":"{ARGUMENT}"}},"_meta":{{"{member}":"{IN_BODY}","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{{"name":"test","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    let answer = server.send("POST", "/mcp", &all, &body);
    let id = answer.head.split_once("x-request-id: ").unwrap().1;
    id.lines().next().unwrap().trim().to_owned()
}

/// An OTLP receiver: its address, and the bodies that it is sent.
fn receiver() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            std::thread::spawn(move || receive(stream.unwrap(), &sender));
        }
    });
    (format!("http://{address}"), received)
}

fn receive(stream: TcpStream, sender: &Sender<Vec<u8>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"));
        let length = head.split_once("content-length: ").unwrap().1;
        let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        // Before it is acknowledged, so that whoever waits for that finds it.
        let _ = sender.send(body);
        let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
}

fn spans(bodies: &[Vec<u8>]) -> Vec<Span> {
    let requests = bodies.iter().map(|body| ExportTraceServiceRequest::decode(&body[..]).unwrap());
    let resources = requests.flat_map(|request| request.resource_spans);
    resources.flat_map(|one| one.scope_spans).flat_map(|one| one.spans).collect()
}

fn of<'a>(spans: &'a [Span], request: &str) -> &'a Span {
    let is_it = |span: &&Span| {
        attribute(&span.attributes, "mcp_auth.request_id").as_deref() == Some(request)
    };
    spans.iter().find(is_it).unwrap_or_else(|| panic!("no span of {request}: {spans:?}"))
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name}: {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
