//! The listener for metrics of the real binary: where it is, who may ask, and that nothing is
//! there unless somebody asked for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../../serve/tests/binary/mod.rs"]
mod binary;

use std::fs;
use std::net::{TcpListener, TcpStream};

use apikey_server::{Options, Prepared};
use binary::{Answer, Server, refusal};

const EXE: &str = env!("CARGO_BIN_EXE_apikey-server");
const ANY_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Where its banner says that the metrics are.
fn metrics_of(server: &Server) -> String {
    let rest = server.banner.split_once("metrics     http://").expect(&server.banner).1;
    rest.split_once("/metrics\n").expect(&server.banner).0.to_owned()
}

fn ask(address: &str, method: &str, path: &str, host: &str) -> Answer {
    let headers = [format!("host: {host}")];
    binary::send(address, method, path, &[&headers[0]], "")
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)).expect(series);
    line.trim().parse().unwrap()
}

#[test]
fn they_are_on_a_listener_of_their_own_for_whoever_names_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start(EXE, folder.path(), &[&ANY_PORT[..], &["--metrics", "0"]].concat(), &[]);
    let address = metrics_of(&server);
    assert!(address.starts_with("127.0.0.1:") && address != server.address, "{address}");
    let (_, port) = address.split_once(':').unwrap();

    let answer = ask(&address, "GET", "/metrics", &address);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    assert_eq!(ask(&address, "GET", "/metrics", &format!("localhost:{port}")).status, 200);
    for foreign in ["evil.example", &format!("evil.example:{port}"), "192.0.2.1"] {
        let refused = ask(&address, "GET", "/metrics", foreign);
        assert_eq!(refused.status, 403, "{foreign}");
        assert!(!refused.body.contains("mcp_auth_"), "{}", refused.body);
    }
    assert_eq!(ask(&address, "POST", "/metrics", &address).status, 405);
    for path in ["/", "/mcp", "/items", "/healthz", "/metrics/"] {
        assert_eq!(ask(&address, "GET", path, &address).status, 404, "{path}");
    }
    assert_eq!(server.send("GET", "/metrics", &[], "").status, 404, "and nowhere else");

    assert!(server.interrupt().success());
    assert!(TcpStream::connect(&address).is_err(), "it is there still");
}

#[test]
fn they_say_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [&ANY_PORT[..], &["--metrics", "127.0.0.1:0", "--rate-limit", "60/min,3"]].concat();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    let address = metrics_of(&server);
    let scrape = || ask(&address, "GET", "/metrics", &address).body;
    let key = fs::read_to_string(folder.path().join("keys/clients/bob.apikey")).unwrap();
    let key = format!("x-api-key: {}", key.trim());

    let before = scrape();
    let refused = |reason: &str| {
        format!(
            r#"mcp_auth_decisions_total{{decision="refused",scheme="apikey",reason="{reason}"}}"#
        )
    };
    for reason in ["no_credential", "invalid_credential", "not_granted", "rate_limited"] {
        assert_eq!(value(&before, &refused(reason)), 0.0, "{reason}");
    }
    assert_eq!(value(&before, r#"mcp_auth_store_rows{kind="keys"}"#), 2.0);
    assert_eq!(value(&before, "mcp_auth_store_readable "), 1.0);
    assert_eq!(value(&before, "mcp_auth_audit_ready "), 1.0);

    assert_eq!(server.send("POST", "/mcp", &[], "").status, 401);
    assert_eq!(server.call("x-api-key: nothing", "get_time", "{}").status, 401);
    assert_eq!(server.call(&key, "get_time", "{}").status, 200);
    assert_eq!(server.call(&key, "remove_shopping_item", r#"{"id":1}"#).status, 403);
    assert_eq!(open_session(&server, &key), 200);
    assert_eq!(server.call(&key, "get_time", "{}").status, 429);

    let after = scrape();
    for reason in ["no_credential", "invalid_credential", "not_granted", "rate_limited"] {
        assert_eq!(value(&after, &refused(reason)), 1.0, "{reason}");
    }
    let allowed = r#"mcp_auth_decisions_total{decision="allowed",scheme="apikey",reason="grant"}"#;
    assert_eq!(value(&after, allowed), 1.0);
    assert_eq!(value(&after, r#"mcp_auth_slowed_down_total{who="caller"}"#), 1.0);
    assert_eq!(value(&after, r#"mcp_auth_limiter_keys{who="caller"}"#), 1.0);
    assert_eq!(value(&after, "mcp_auth_sessions_open "), 1.0);
    assert_eq!(value(&after, r#"mcp_auth_connections_open{listener="metrics"}"#), 1.0);
    for (layer, times) in [("authenticate", 6.0), ("limit", 4.0), ("peek", 3.0), ("handler", 2.0)] {
        let count = format!(r#"mcp_auth_layer_duration_seconds_count{{layer="{layer}"}}"#);
        assert_eq!(value(&after, &count), times, "{layer}");
    }
    let calls = r#"mcp_auth_request_duration_seconds_count{endpoint="/mcp",status="401"}"#;
    assert_eq!(value(&after, calls), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_there_is_no_listener_and_no_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), &ANY_PORT, &[]);
    assert!(!server.banner.contains("metrics"), "{}", server.banner);
    assert_eq!(server.send("GET", "/metrics", &[], "").status, 404);

    // A program that has such a server in it keeps its place for a recorder of its own.
    let options = Options::new(folder.path().join("keys"));
    let running = serve::launch_in_process::<Prepared>(&options).await.unwrap();
    assert_eq!(running.metrics_addr(), None);
    assert!(!mcp_auth::metrics::is_on());
    metrics::set_global_recorder(metrics::NoopRecorder).expect("nobody has taken it");
    running.stop().await;
}

#[test]
fn a_port_that_is_taken_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let flags = [&ANY_PORT[..], &["--metrics", &port]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("in use already") && error.contains("--metrics 127.0.0.1:"), "{error}");
}

fn open_session(server: &Server, key: &str) -> u16 {
    let headers = [
        "content-type: application/json",
        "accept: application/json, text/event-stream",
        "mcp-protocol-version: 2025-11-25",
        key,
    ];
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
    server.send("POST", "/mcp", &headers, body).status
}
