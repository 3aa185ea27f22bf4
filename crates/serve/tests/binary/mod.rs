//! A server's real binary, run in a folder of its own, as a user would run it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A server that has started. It is killed when the test ends without stopping it.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Everything it printed at start-up.
    pub(crate) banner: String,
    /// Host and port it listens on.
    pub(crate) address: String,
}

/// What came back over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

fn command(exe: &str, folder: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(exe);
    command.args(flags).current_dir(folder).stdin(Stdio::null());
    // Nothing of whoever runs the tests.
    command.env_clear().envs(variables.iter().copied());
    command
}

impl Server {
    /// Starts it and waits until it says that it is running.
    pub(crate) fn start(
        exe: &str,
        folder: &Path,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut child = command(exe, folder, flags, variables)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            let line = lines.next().unwrap_or_else(|| {
                panic!("it ended: {}", std::fs::read_to_string(folder.join("log")).unwrap())
            });
            banner.push_str(&line.unwrap());
            banner.push('\n');
        }
        let address = match banner.split_once("listens on  ") {
            Some((_, rest)) => rest.lines().next().unwrap().to_owned(),
            None => {
                let url = banner.split_once("://").unwrap().1;
                url.split_once("/mcp").unwrap().0.to_owned()
            }
        };
        Self { child, banner, address }
    }

    /// Sends one request over a connection of its own.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        send(&self.address, method, path, headers, body)
    }

    /// Calls a tool as clients of 2026-07-28 do. `credential` is a whole header line.
    pub(crate) fn call(&self, credential: &str, tool: &str, arguments: &str) -> Answer {
        let name = format!("mcp-name: {tool}");
        let headers = [
            "content-type: application/json",
            "accept: application/json, text/event-stream",
            "mcp-protocol-version: 2026-07-28",
            "mcp-method: tools/call",
            &name,
            credential,
        ];
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{{"name":"test","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        );
        self.send("POST", "/mcp", &headers, &body)
    }

    /// Presses Ctrl-C, and waits for the end: five seconds at most.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it is still running five seconds after Ctrl-C");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The same to any address.
pub(crate) fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|header| header.starts_with("host:")) {
        head.push_str(&format!("host: {}\r\n", address));
    }
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    write!(stream, "{head}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it where it should not start: its one sentence. The exit code has to be 1.
pub(crate) fn refusal(
    exe: &str,
    folder: &Path,
    flags: &[&str],
    variables: &[(&str, &str)],
) -> String {
    let mut command = command(exe, folder, flags, variables);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It has ended by itself, or it runs although it should not.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "it said that it runs");
    assert_eq!(error.trim_end().lines().count(), 1, "not one sentence: {error}");
    error
}

/// What `--help` prints.
pub(crate) fn help(exe: &str, folder: &Path) -> String {
    let output = command(exe, folder, &["--help"], &[]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
