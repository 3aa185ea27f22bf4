//! What is measured beside our servers does what it is measured for.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_time","arguments":{"zone":"Asia/Tokyo"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

#[test]
fn rmcp_alone_runs_the_tool_for_everybody_and_axum_alone_refuses_everybody() {
    for program in [env!("CARGO_BIN_EXE_plain"), env!("CARGO_BIN_EXE_plain-mimalloc")] {
        let answer = asked(program, "rmcp");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains(r#""zone":"Asia/Tokyo""#), "{answer}");
        assert!(answer.contains("content-length: "), "it is no stream: {answer}");
        let answer = asked(program, "axum");
        assert!(
            answer.starts_with("HTTP/1.1 401 ") && answer.contains("no_credential"),
            "{answer}"
        );
    }
}

#[test]
fn without_an_argument_it_says_what_there_is() {
    let done = Command::new(env!("CARGO_BIN_EXE_plain")).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&done.stderr), "error: say what to serve: rmcp, or axum\n");
}

/// Starts it, calls the tool once, and ends it by its standard input.
fn asked(program: &str, what: &str) -> String {
    let mut child = Command::new(program)
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answer = call(&mut child);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    answer
}

fn call(child: &mut Child) -> String {
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.trim().trim_start_matches("http://").trim_end_matches("/mcp");
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: get_time\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
