//! The audit file of a real server: what stands in it, and what happens when it cannot be written.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "the other tests use all of it")]
#[path = "../../serve/tests/binary/mod.rs"]
mod binary;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::{Elsewhere, Record, Report, read, verify};
use binary::{Answer, Server, refusal};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use store::Store;

const EXE: &str = env!("CARGO_BIN_EXE_jwt-server");
const FORM: &str = "content-type: application/x-www-form-urlencoded";
const JSON: &str = "content-type: application/json";
const ACCEPT: &str = "accept: application/json, text/event-stream";

fn start(folder: &Path, flags: &[&str]) -> Server {
    let mut all = vec!["--listen", "127.0.0.1:0", "--audit-file", "audit.log"];
    all.extend(flags);
    Server::start(EXE, folder, &all, &[])
}

/// Id and secret of bob's client.
fn client(folder: &Path) -> (String, String) {
    let text = fs::read_to_string(folder.join("keys/clients/bob.client.json")).unwrap();
    let client: Value = serde_json::from_str(&text).unwrap();
    let member = |name: &str| client[name].as_str().unwrap().to_owned();
    (member("client_id"), member("client_secret"))
}

fn ask_for_token(server: &Server, folder: &Path) -> Answer {
    let (id, secret) = client(folder);
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    server.send("POST", "/token", &[FORM], &body)
}

fn token(server: &Server, folder: &Path) -> String {
    let answer = ask_for_token(server, folder);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// What a refusal or any other answer calls the request.
fn trace_of(answer: &Answer) -> String {
    let line = answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    line.unwrap().to_owned()
}

fn records(folder: &Path) -> Vec<Record> {
    let mut records = Vec::new();
    read(&folder.join("audit.log"), |record| {
        records.push(record.unwrap());
        true
    })
    .unwrap();
    records
}

/// The files, against the head that the server's store has too.
fn check(folder: &Path) -> Report {
    let (file, store) = (folder.join("audit.log"), folder.join("keys/credentials.db"));
    let heads = Arc::new(Store::open(&store).unwrap());
    let elsewhere = Elsewhere { heads, written_as: &file };
    verify(&file, &folder.join("keys/audit.key"), Some(elsewhere)).unwrap()
}

/// The one line about this request, without what differs from run to run.
fn line_about(records: &[Record], answer: &Answer) -> String {
    let trace = trace_of(answer);
    let mut about = records.iter().filter(|record| record.trace_id.as_ref() == Some(&trace));
    let (record, more) = (about.next().unwrap(), about.next());
    assert!(more.is_none(), "two lines about one request: {record:?} {more:?}");
    assert_eq!(record.peer.as_deref(), Some("127.0.0.1"));
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let status = record.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let texts = [
        &record.decision,
        &record.endpoint,
        &record.scheme,
        &record.user,
        &record.method,
        &record.tool,
        &record.rule,
    ];
    format!("{} {status}", texts.map(or_dash).join(" "))
}

#[test]
fn each_request_is_one_line_that_says_who_what_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = start(folder, &[]);
    let issued = ask_for_token(&server, folder);
    let body: Value = serde_json::from_str(&issued.body).unwrap();
    let token = body["access_token"].as_str().unwrap();
    let (id, secret) = client(folder);
    let bearer = format!("authorization: Bearer {token}");

    let called = server.call(&bearer, "get_weather", r#"{"location":"London"}"#);
    assert_eq!(called.status, 200, "{}", called.body);
    let known = server.call(&bearer, "whoami", "{}");
    let refused = server.call(&bearer, "remove_shopping_item", r#"{"item":"a-thing"}"#);
    assert_eq!(refused.status, 403);
    let unknown = server.call(&bearer, "no_such_tool", "{}");
    let stranger = server.send("POST", "/mcp", &[JSON], "{}");
    assert_eq!(stranger.status, 401);
    let garbage = server.send("POST", "/mcp", &["authorization: Bearer garbage"], "{}");
    assert_eq!(garbage.status, 401);
    let sessions = server.send("GET", "/mcp/sessions", &[&bearer], "");
    assert_eq!(sessions.status, 200);
    let nothing = server.send("GET", "/mcp/nothing", &[&bearer], "");
    assert_eq!(nothing.status, 404);
    let unreadable = server.send("POST", "/mcp", &[&bearer, JSON, ACCEPT], "no JSON");
    assert!(unreadable.status >= 400);
    let foreign = server.send("POST", "/mcp", &["host: evil.example", &bearer], "{}");
    assert_eq!(foreign.status, 403);

    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let opened = server.send("POST", "/mcp", &[&bearer, JSON, ACCEPT], initialize);
    let id_line = opened.head.lines().find(|line| line.starts_with("mcp-session-id")).unwrap();
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let ready = server.send("POST", "/mcp", &[&bearer, JSON, ACCEPT, id_line], ready);
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_shopping_items","arguments":{}}}"#;
    let older = server.send("POST", "/mcp", &[&bearer, JSON, ACCEPT, id_line], call);
    assert_eq!(older.status, 200, "{}", older.body);
    let ended = server.send("DELETE", "/mcp", &[&bearer, id_line], "");
    assert!(ended.status < 300, "{}", ended.status);

    let basic = format!("client_id={id}&client_secret={secret}");
    let wrong = server.send(
        "POST",
        "/token",
        &[FORM],
        "grant_type=client_credentials&client_id=x&client_secret=y",
    );
    let revoked = server.send("POST", "/revoke", &[FORM], &format!("{basic}&token={token}"));
    assert_eq!(revoked.status, 200);
    let late = server.call(&bearer, "whoami", "{}");
    assert_eq!(late.status, 401);
    let health = server.send("GET", "/healthz", &[], "");
    let got = server.send("GET", "/token", &[], "");
    let log_in = server.send("GET", "/authorize", &[], "");
    assert!(server.interrupt().success());

    let records = records(folder);
    let line = |answer: &Answer| line_about(&records, answer);
    assert_eq!(
        line(&issued),
        "issued /token jwt bob POST - scope weather:read payments:read shopping:read shopping:write -"
    );
    assert_eq!(line(&called), "allowed /mcp jwt bob tools/call get_weather scope weather:read -");
    assert_eq!(line(&known), "allowed /mcp jwt bob tools/call whoami always -");
    assert_eq!(
        line(&refused),
        "refused /mcp jwt bob tools/call remove_shopping_item insufficient_scope 403"
    );
    assert_eq!(line(&unknown), "refused /mcp jwt bob tools/call no_such_tool unknown_tool -");
    assert_eq!(line(&stranger), "refused /mcp jwt - POST - no_credential 401");
    assert_eq!(line(&garbage), "refused /mcp jwt - POST - invalid_credential 401");
    assert_eq!(line(&sessions), "allowed /mcp jwt bob GET - known -");
    assert_eq!(line(&nothing), "refused /mcp jwt bob GET - no_route 404");
    assert_eq!(line(&unreadable), format!("refused /mcp jwt bob POST - mcp {}", unreadable.status));
    assert_eq!(line(&foreign), "refused /mcp - - POST - foreign_host 403");
    assert_eq!(line(&opened), "allowed /mcp jwt bob initialize - known -");
    assert_eq!(line(&ready), "allowed /mcp jwt bob notifications/initialized - known -");
    assert_eq!(
        line(&older),
        "allowed /mcp jwt bob tools/call list_shopping_items scope shopping:read -"
    );
    assert_eq!(line(&ended), "allowed /mcp jwt bob DELETE - known -");
    assert_eq!(line(&wrong), "refused /token - - POST - invalid_client 401");
    assert_eq!(line(&got), "refused /token - - GET - invalid_request 405");
    assert_eq!(line(&log_in), "refused /authorize - - GET - unsupported_response_type 400");
    assert_eq!(line(&revoked), "revoked /revoke jwt bob POST - known -");
    assert_eq!(line(&late), "refused /mcp jwt - POST - revoked_credential 401");
    let trace = trace_of(&health);
    assert!(records.iter().all(|record| record.trace_id.as_ref() != Some(&trace)));
    let jti = |answer: &Answer| {
        let trace = trace_of(answer);
        records.iter().find(|r| r.trace_id.as_ref() == Some(&trace)).unwrap().credential.clone()
    };
    assert!(jti(&issued).is_some());
    assert_eq!((jti(&issued), jti(&issued)), (jti(&called), jti(&revoked)));

    let text = fs::read_to_string(folder.join("audit.log")).unwrap();
    for secret in [token, &secret, "London", "a-thing", "garbage"] {
        assert!(!text.contains(secret), "{secret} stands in the audit file");
    }
    let report = check(folder);
    assert!(report.damage.is_none() && report.notes.is_empty(), "{report:?}");
    for name in ["audit.log", "audit.log.head", "keys/audit.key"] {
        let mode = fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn it_goes_on_over_starts_and_full_files_and_keeps_arguments_only_if_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for _ in 0..3 {
        let server = start(folder, &["--audit-arguments", "--audit-size", "64KiB"]);
        let bearer = format!("authorization: Bearer {}", token(&server, folder));
        for _ in 0..90 {
            let answer = server.call(&bearer, "get_weather", r#"{"location":"London"}"#);
            assert_eq!(answer.status, 200);
        }
        assert!(server.interrupt().success());
    }
    let report = check(folder);
    assert!(report.damage.is_none(), "{report:?}");
    assert!(report.files.len() >= 2, "{report:?}");
    let records = records(folder);
    let calls: Vec<_> = records.iter().filter(|record| record.tool.is_some()).collect();
    assert_eq!(calls.len(), 270);
    assert!(calls.iter().all(|call| call.arguments.as_deref() == Some(r#"{"location":"London"}"#)));
    let starts = records.iter().filter(|record| record.event.as_deref() == Some("started"));
    assert_eq!(starts.count(), 3);
}

#[test]
fn that_a_server_was_killed_stands_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(start(folder, &[]).interrupt().success());
    let mut server = start(folder, &[]);
    assert!(!check(folder).ended);
    server.child.kill().unwrap();
    assert!(server.child.wait().is_ok());
    assert!(start(folder, &[]).interrupt().success());
    let report = check(folder);
    assert!(report.damage.is_none() && report.ended, "{report:?}");
    assert_eq!(report.notes.len(), 1, "of three starts one followed a kill: {report:?}");
    assert!(report.notes[0].text.contains("had not ended as it should"), "{report:?}");
}

/// Lets this process write no file longer than that, as if the disk were full.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let pid = Pid::from_raw(server.child.id().try_into().unwrap());
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

/// Whoever writes more than it may is killed, unless that signal is ignored.
fn start_limited(folder: &Path, mode: &str) -> Server {
    let script = r#"trap "" XFSZ; exec "$0" "$@""#;
    let flags = ["-c", script, EXE, "--listen", "127.0.0.1:0", "--audit-file", "audit.log"];
    let more = ["--audit", mode, "--metrics", "127.0.0.1:0"];
    Server::start("/bin/sh", folder, &[&flags[..], &more].concat(), &[])
}

/// What it says to Prometheus.
fn metric(server: &Server, name: &str) -> u64 {
    let (_, rest) = server.banner.split_once("metrics     http://").unwrap();
    let (address, _) = rest.split_once("/metrics").unwrap();
    let shown = binary::send(address, "GET", "/metrics", &[], "").body;
    let value = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.expect(&shown).parse().unwrap()
}

/// Asks until it is told this, as the writer needs a moment.
fn until_ready_says(server: &Server, status: u16) -> Answer {
    loop {
        let answer = server.send("GET", "/readyz", &[], "");
        if answer.status == status {
            return answer;
        }
        std::thread::yield_now();
    }
}

#[test]
fn while_the_disk_is_full_nothing_is_done_for_anybody_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = start_limited(folder, "required");
    let bearer = format!("authorization: Bearer {}", token(&server, folder));
    let add =
        |item: &str| server.call(&bearer, "add_shopping_item", &format!(r#"{{"name":"{item}"}}"#));
    let before = add("bread");
    assert!(before.status == 200 && !before.body.contains("\"isError\":true"), "{}", before.body);

    let length = fs::metadata(folder.join("audit.log")).unwrap().len();
    limit_files(&server, Some(length));
    // What could still be taken down in memory is kept there.
    let last = server.send("GET", "/mcp", &[], "");
    assert_eq!(last.status, 401);
    let unready = until_ready_says(&server, 503);
    assert!(unready.body.contains("cannot be written down"), "{}", unready.body);
    let refused = add("butter");
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);
    assert!(refused.body.contains("cannot write down what it decides"), "{}", refused.body);
    let no_token = ask_for_token(&server, folder);
    assert_eq!(no_token.status, 503, "{}", no_token.body);
    assert!(no_token.head.contains("retry-after: 1"), "{}", no_token.head);
    assert_eq!(server.send("GET", "/mcp", &[], "").status, 503, "strangers too");
    assert_eq!(server.send("GET", "/healthz", &[], "").status, 200);

    limit_files(&server, None);
    until_ready_says(&server, 200);
    let listed = server.call(&bearer, "list_shopping_items", "{}");
    assert!(listed.body.contains("bread") && !listed.body.contains("butter"), "{}", listed.body);
    assert!(server.interrupt().success());
    let records = records(folder);
    assert!(line_about(&records, &last).contains("no_credential"));
    assert!(line_about(&records, &listed).contains("allowed"));
    let report = check(folder);
    assert!(report.damage.is_none(), "{report:?}");
}

#[test]
fn with_best_effort_a_full_disk_stops_nobody_and_the_loss_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = start_limited(folder, "best-effort");
    let bearer = format!("authorization: Bearer {}", token(&server, folder));
    server.call(&bearer, "whoami", "{}");
    let length = fs::metadata(folder.join("audit.log")).unwrap().len();
    limit_files(&server, Some(length));
    for _ in 0..2 {
        for _ in 0..5 {
            assert_eq!(server.call(&bearer, "whoami", "{}").status, 200);
        }
        // Longer than until the next time that counts would be written.
        std::thread::sleep(Duration::from_millis(1100));
    }
    while !fs::read_to_string(folder.join("log")).unwrap().contains("decisions are lost") {
        std::thread::yield_now();
    }
    assert_eq!(server.send("GET", "/readyz", &[], "").status, 200);
    assert_eq!(metric(&server, "mcp_auth_audit_ready"), 0);
    limit_files(&server, None);
    let last = server.call(&bearer, "whoami", "{}");
    assert_eq!(last.status, 200);
    while metric(&server, "mcp_auth_audit_ready") == 0 {
        std::thread::yield_now();
    }
    let told = metric(&server, "mcp_auth_audit_lost_total");
    assert!(server.interrupt().success());
    let records = records(folder);
    let lost: u64 = records.iter().filter_map(|record| record.lost).sum();
    let written = records.iter().filter(|record| record.decision.is_some()).count() as u64;
    // The token, the first call, ten, and the last.
    assert_eq!((written + lost, told), (13, lost), "{lost} of them were lost");
    assert!(lost >= 9, "{lost}");
    assert!(check(folder).damage.is_none());
}

#[test]
fn a_file_that_cannot_be_kept_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let fails = |file: &str| {
        let flags = ["--listen", "127.0.0.1:0", "--audit-file", file];
        refusal(EXE, folder, &flags, &[])
    };
    assert!(fails("/dev/full").contains("no regular file"));
    fs::write(folder.join("file"), "").unwrap();
    assert!(fails("file/audit.log").contains("--audit-file"));
    fs::write(folder.join("loose.log"), "").unwrap();
    fs::set_permissions(folder.join("loose.log"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(fails("loose.log").contains("chmod 600 loose.log"));
    let server = start(folder, &[]);
    assert!(server.banner.contains("audit       audit.log"), "{}", server.banner);
    assert!(fails("audit.log").contains("each server an audit file of its own"));
    drop(server);
    assert!(fails("keys/audit.key").contains("is the key of the audit"));
    let secret = fs::read(folder.join("keys/jwt.secret")).unwrap();
    for file in ["keys/credentials.db", "keys/jwt.secret"] {
        assert!(fails(file).contains("name another file"), "{file}");
    }
    assert_eq!(fs::read(folder.join("keys/jwt.secret")).unwrap(), secret);
    let store = Store::open(&folder.join("keys/credentials.db")).unwrap();
    assert_eq!(store.list_clients().unwrap().len(), 2);
    fs::rename(folder.join("keys/audit.key"), folder.join("elsewhere")).unwrap();
    assert!(fails("audit.log").contains("bring the key back"));
}
