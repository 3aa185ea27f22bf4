//! The real binary: first run, flags, what it refuses, and its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../serve/tests/binary/mod.rs"]
mod binary;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use binary::{Server, help, refusal};
use mcp_auth::authn::apikey::PlainKey;
use store::{NewKey, Store};

const EXE: &str = env!("CARGO_BIN_EXE_apikey-server");
const ANY_PORT: &[&str] = &["--listen", "127.0.0.1:0"];
const OTHERS: &[&str] = &[
    "--listen",
    "0.0.0.0:0",
    "--public-url",
    "https://mcp.example",
    "--insecure-http",
    "--protect",
    "mcp",
];

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_first_run_makes_keys_that_work_and_says_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let mut keys = Vec::new();
    for owner in ["bob", "alice"] {
        let name = format!("keys/clients/{owner}.apikey");
        assert!(server.banner.contains(&name), "{}", server.banner);
        let path = folder.path().join(name);
        assert_eq!(mode(&path), 0o600);
        keys.push(fs::read_to_string(path).unwrap().trim().to_owned());
    }
    assert_eq!(mode(&folder.path().join("keys/credentials.db")), 0o600);
    assert_eq!(mode(&folder.path().join("keys")), 0o700);
    let command = format!("cargo run -p apikey-client -- --url http://{}/mcp", server.address);
    assert!(server.banner.contains(&command), "{}", server.banner);

    for (key, user) in keys.iter().zip(["bob", "alice"]) {
        let answer = server.call(&format!("x-api-key: {key}"), "whoami", "{}");
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains(&format!(r#""user":"{user}""#)), "{}", answer.body);
    }
    let bearer = format!("authorization: Bearer {}", keys[0]);
    let answer = server.call(&bearer, "remove_shopping_item", r#"{"id":1}"#);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains("remove_shopping_item"), "{}", answer.body);

    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    for key in &keys {
        assert!(!server.banner.contains(key) && !log.contains(key), "{}\n{log}", server.banner);
    }
    assert!(server.interrupt().success());

    // A second run keeps them.
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    assert_eq!(server.call(&format!("x-api-key: {}", keys[0]), "whoami", "{}").status, 200);
    assert!(server.interrupt().success());
}

#[test]
fn mcp_is_protected_in_every_method_and_path_below_it_and_the_rest_is_as_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    for method in ["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD"] {
        for path in ["/mcp", "/mcp/", "/mcp/x/y", "/mcp?api_key=x"] {
            let answer = server.send(method, path, &[], "");
            assert_eq!(answer.status, 401, "{method} {path}");
            assert!(answer.head.contains("www-authenticate: Bearer"), "{}", answer.head);
            assert!(answer.head.contains("x-request-id: "), "{}", answer.head);
        }
    }
    let key = fs::read_to_string(folder.path().join("keys/clients/bob.apikey")).unwrap();
    let key = format!("x-api-key: {}", key.trim());
    assert_eq!(server.send("GET", "/mcp/x", &[&key], "").status, 404);
    assert_eq!(server.send("GET", "/healthz", &[], "").status, 200);
    assert_eq!(server.send("GET", "/nothing", &[], "").status, 404);
    for path in ["/items", "/items/"] {
        let answer = server.send("GET", path, &[], "");
        assert!(answer.status == 200 && answer.body.contains("bread"), "{}", answer.body);
    }
    assert!(server.interrupt().success());

    let flags = [ANY_PORT, &["--protect", "all"]].concat();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    assert_eq!(server.send("GET", "/items", &[], "").status, 401);
    // What is one caller's is kept by no cache: X-API-Key says nothing to one.
    for path in ["/items", "/items/", "/mcp/sessions"] {
        let answer = server.send("GET", path, &[&key], "");
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains("cache-control: no-store"), "{path}: {}", answer.head);
    }
    assert!(server.banner.contains("GET /items"), "{}", server.banner);
}

#[test]
fn one_key_from_the_environment_needs_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let key = "correct-horse-battery-staple-and-more";
    let variables =
        [("MCP_API_KEY", key), ("MCP_API_KEY_OWNER", "alice"), ("MCP_LISTEN", "127.0.0.1:0")];
    let server = Server::start(EXE, folder.path(), &["--accept-basic"], &variables);
    let answer = server.call(&format!("x-api-key: {key}"), "whoami", "{}");
    assert!(answer.status == 200 && answer.body.contains(r#""user":"alice""#), "{}", answer.body);
    // x:correct-horse-battery-staple-and-more
    let basic = "authorization: Basic eDpjb3JyZWN0LWhvcnNlLWJhdHRlcnktc3RhcGxlLWFuZC1tb3Jl";
    assert_eq!(server.call(basic, "whoami", "{}").status, 200);
    assert!(!folder.path().join("keys/credentials.db").exists());
    assert!(!server.banner.contains(key), "{}", server.banner);
    for part in ["its environment", ".env (mode 600)"] {
        assert!(server.banner.contains(part), "{}", server.banner);
    }
    assert!(server.interrupt().success());

    let error = refusal(EXE, folder.path(), ANY_PORT, &[("MCP_API_KEY", "guessable")]);
    assert!(error.contains("MCP_API_KEY") && !error.contains("guessable"), "{error}");
}

#[test]
fn a_dotenv_file_is_read_and_a_loose_one_with_a_secret_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    fs::write(&path, "MCP_API_KEY=correct-horse-battery-staple-and-more\nMCP_LISTEN=127.0.0.1:0\n")
        .unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let error = refusal(EXE, folder.path(), &[], &[]);
    assert!(error.contains("chmod 600 .env") && !error.contains("horse"), "{error}");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let server = Server::start(EXE, folder.path(), &[], &[]);
    assert!(server.banner.contains("MCP_API_KEY"), "{}", server.banner);
    assert!(server.interrupt().success());

    fs::write(&path, "MCP_API_KEY correct-horse\n").unwrap();
    let error = refusal(EXE, folder.path(), &[], &[]);
    assert!(error.contains(".env") && !error.contains("horse"), "{error}");
}

#[test]
fn what_cannot_run_says_in_one_sentence_what_would_help() {
    let folder = tempfile::tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let error = refusal(EXE, folder.path(), &["--listen", &address], &[]);
    assert!(error.contains(&address) && error.contains("--listen"), "{error}");

    let store = folder.path().join("keys/credentials.db");
    fs::set_permissions(&store, Permissions::from_mode(0o644)).unwrap();
    let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
    assert!(error.contains("chmod 600"), "{error}");

    fs::write(folder.path().join("text.db"), "this is not a store of keys").unwrap();
    fs::set_permissions(folder.path().join("text.db"), Permissions::from_mode(0o600)).unwrap();
    let error = refusal(EXE, folder.path(), &[ANY_PORT, &["--store", "text.db"]].concat(), &[]);
    assert!(error.contains("text.db"), "{error}");

    let flags = [ANY_PORT, &["--weather", "openweathermap", "--keys", "other"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("OPENWEATHERMAP_API_KEY"), "{error}");

    let error = refusal(EXE, folder.path(), ANY_PORT, &[("TOKIO_WORKER_THREADS", "none")]);
    assert!(error.contains("TOKIO_WORKER_THREADS"), "{error}");
}

#[test]
fn what_is_for_trying_out_is_refused_where_others_can_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(EXE, folder.path(), &["--listen", "0.0.0.0:0"], &[]);
    assert!(error.contains("--public-url"), "{error}");
    let error = refusal(EXE, folder.path(), &OTHERS[..5], &[]);
    assert!(error.contains("--protect mcp") && error.contains("--protect all"), "{error}");
    let error = refusal(EXE, folder.path(), OTHERS, &[]);
    assert!(error.contains("keygen -- apikey create"), "{error}");
    assert!(!folder.path().join("keys").exists(), "it made something");

    assert!(Server::start(EXE, folder.path(), ANY_PORT, &[]).interrupt().success());
    let error = refusal(EXE, folder.path(), OTHERS, &[]);
    assert!(error.contains("demo keys") && error.contains("apikey revoke"), "{error}");
    // Behind a proxy on the same machine others can reach it as well.
    let flags = [ANY_PORT, &OTHERS[2..]].concat();
    assert!(refusal(EXE, folder.path(), &flags, &[]).contains("demo keys"));

    let store = Store::open(&folder.path().join("own.db")).unwrap();
    let key = PlainKey::mint();
    store
        .insert_key(NewKey { grants: vec!["*".into()], ..NewKey::of(&key, "bob", "Own") })
        .unwrap();
    let flags = [ANY_PORT, &OTHERS[2..], &["--store", "own.db"]].concat();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    assert!(server.banner.contains("https://mcp.example/mcp"), "{}", server.banner);
    // It answers under its own name alone, whatever name was asked for.
    let key = format!("x-api-key: {}", key.reveal());
    assert_eq!(server.send("GET", "/mcp/x", &[&key, "host: mcp.example"], "").status, 404);
    for foreign in ["evil.example", "localhost", &server.address] {
        let host = format!("host: {foreign}");
        assert_eq!(server.send("GET", "/mcp/x", &[&key, &host], "").status, 403, "{foreign}");
        assert_eq!(server.send("GET", "/healthz", &[&host], "").status, 200, "{foreign}");
    }
    let page = [&key, "host: mcp.example", "origin: http://localhost:3000"];
    assert_eq!(server.send("GET", "/mcp/x", &page, "").status, 403);
    assert!(server.interrupt().success());
}

#[test]
fn commands_that_are_named_lead_to_the_store_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [OTHERS, &["--keys", "my keys", "--store", "own.db"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    let command =
        "apikey create --name NAME --owner OWNER --grant '*' --keys 'my keys' --store own.db";
    assert!(error.contains(command), "{error}");

    let flags = [ANY_PORT, &["--store", "own.db"]].concat();
    assert!(Server::start(EXE, folder.path(), &flags, &[]).interrupt().success());
    let error = refusal(EXE, folder.path(), &[OTHERS, &["--store", "own.db"]].concat(), &[]);
    assert!(error.contains("apikey revoke ID --store own.db"), "{error}");
}

#[test]
fn a_demo_key_is_named_while_it_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("keys/credentials.db")).unwrap();
    assert!(Server::start(EXE, folder.path(), ANY_PORT, &[]).interrupt().success());
    let keys = store.list_keys().unwrap();
    store.revoke_key(keys.iter().find(|key| key.owner == "bob").unwrap().id).unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    assert!(!server.banner.contains("bob.apikey"), "{}", server.banner);
    assert!(server.banner.contains("alice.apikey"), "{}", server.banner);
    drop(server);

    store.revoke_key(keys.iter().find(|key| key.owner == "alice").unwrap().id).unwrap();
    let key = PlainKey::mint();
    let grants = vec!["get_wether".into(), "get_*".into()];
    store.insert_key(NewKey { grants, ..NewKey::of(&key, "bob", "Own") }).unwrap();
    let server = Server::start(EXE, folder.path(), &[ANY_PORT, &OTHERS[2..]].concat(), &[]);
    assert!(!server.banner.contains("alice.apikey"), "{}", server.banner);
    assert!(server.banner.contains("--grant '*'"), "{}", server.banner);
    let command = "apikey-client -- --url https://mcp.example/mcp --key-file FILE";
    assert!(server.banner.contains(command), "{}", server.banner);

    // Of the live key, and of the one grant that is misspelt.
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for part in ["get_wether", &key.id().to_string(), "matches no tool"] {
        assert!(warnings[0].contains(part), "{part} is not in {log}");
    }
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, fix) in [
        ("MCP_ACCEPT_BASIC", "maybe", "true or false"),
        ("MCP_PROTECT", "some", "mcp, all"),
        ("MCP_LISTEN", "here", "127.0.0.1:8101"),
        ("MCP_ALLOW_ORIGIN", "https://a.example,nowhere", "https://mcp.example"),
    ] {
        let error = refusal(EXE, folder.path(), &[], &[(name, value)]);
        assert!(error.contains(name) && error.contains(fix), "{error}");
    }
    // On the command line it is clap's to tell.
    let mut wrong = Command::new(EXE);
    let wrong = wrong.args(["--listen", "here"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

/// How many of a process's threads are workers of tokio.
fn workers_of(process: u32) -> usize {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let names = threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default());
    // The first 15 characters of a name are kept.
    names.filter(|name| name.starts_with("tokio-r")).count()
}

#[test]
fn as_many_workers_as_said() {
    let folder = tempfile::tempdir().unwrap();
    for count in ["1", "3"] {
        let workers = [("TOKIO_WORKER_THREADS", count)];
        let server = Server::start(EXE, folder.path(), ANY_PORT, &workers);
        let id = server.child.id();
        let end = Instant::now() + Duration::from_secs(5);
        // A thread gives itself its name, some time after it was started.
        std::thread::sleep(Duration::from_millis(100));
        while workers_of(id).to_string() != count {
            assert!(Instant::now() < end, "{} and not {count}", workers_of(id));
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(server.interrupt().success());
    }
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let text = help(EXE, folder.path());
    for word in [
        "--listen",
        "MCP_LISTEN",
        "127.0.0.1:8101",
        "--keys",
        "--public-url",
        "--tls-cert",
        "MCP_TLS_KEY",
        "--insecure-http",
        "--trusted-proxy",
        "--request-timeout",
        "--max-connections",
        "--store",
        "MCP_STORE",
        "--accept-basic",
        "--protect",
        "--weather",
        "--allow-origin",
        "--log",
        "RUST_LOG",
        "MCP_API_KEY",
        "keygen -- apikey create --name NAME --owner OWNER --grant '*'",
    ] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
}

#[test]
fn plain_http_beyond_this_machine_has_to_be_said() {
    let folder = tempfile::tempdir().unwrap();
    let flags: Vec<_> = OTHERS.iter().copied().filter(|flag| *flag != "--insecure-http").collect();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    for fix in ["--tls-cert", "--tls-key", "keygen -- cert", "--insecure-http"] {
        assert!(error.contains(fix), "{error}");
    }
    let half = refusal(EXE, folder.path(), ANY_PORT, &[("MCP_TLS_CERT", "cert.pem")]);
    assert!(half.contains("--tls-key"), "{half}");
    let missing = [("MCP_TLS_CERT", "cert.pem"), ("MCP_TLS_KEY", "key.pem")];
    let missing = refusal(EXE, folder.path(), ANY_PORT, &missing);
    assert!(missing.contains("cannot read the certificate cert.pem"), "{missing}");
    assert!(!folder.path().join("keys").exists(), "it made something");
}

#[test]
fn with_a_certificate_it_says_https() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let made = keygen::cert::generate(&[], 1).unwrap();
    mcp_auth::secret::write(&keys.join("tls_key.pem"), &made.key_pem, false).unwrap();
    mcp_auth::secret::write_public(&keys.join("tls_cert.pem"), &made.cert_pem, false).unwrap();
    mcp_auth::secret::write_public(&keys.join("tls_ca.pem"), &made.ca_pem, false).unwrap();
    let tls = [ANY_PORT, &["--tls-cert", "keys/tls_cert.pem", "--tls-key", "keys/tls_key.pem"]];
    let server = Server::start(EXE, folder.path(), &tls.concat(), &[]);
    let (address, banner) = (&server.address, &server.banner);
    assert!(banner.contains(&format!("is running at https://{address}/mcp")), "{banner}");
    let client = format!("apikey-client -- --url https://{address}/mcp --ca keys/tls_ca.pem");
    assert!(banner.contains(&client) && !banner.contains("warning"), "{banner}");
    assert!(server.interrupt().success());
}

#[test]
fn it_is_ready_while_its_store_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let ready = || server.send("GET", "/readyz", &["host: 192.0.2.1"], "").status;
    assert_eq!(ready(), 200);
    fs::remove_file(folder.path().join("keys/credentials.db")).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while ready() != 503 {
        assert!(Instant::now() < end, "without a store it is still ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.send("GET", "/healthz", &[], "").status, 200);
}

#[test]
fn there_is_room_for_the_connections_that_may_be_open() {
    let folder = tempfile::tempdir().unwrap();
    let few = "ulimit -Sn 128 && exec \"$0\" \"$@\"";
    let flags = [&["-c", few, EXE], ANY_PORT, &["--max-connections", "400"]].concat();
    let server = Server::start("/bin/sh", folder.path(), &flags, &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u64 = files.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(soft >= 400, "{files}");
}
