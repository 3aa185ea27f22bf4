//! The real binary: first run, flags, its endpoints, and its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../serve/tests/binary/mod.rs"]
mod binary;
#[path = "binary/refuses.rs"]
mod refuses;
#[path = "binary/rotation.rs"]
mod rotation;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use binary::{Server, help, refusal};

const EXE: &str = env!("CARGO_BIN_EXE_jwt-server");
const ANY_PORT: &[&str] = &["--listen", "127.0.0.1:0"];
const FORM: &str = "content-type: application/x-www-form-urlencoded";

/// The value of a string in flat JSON.
fn member<'a>(json: &'a str, name: &str) -> &'a str {
    let rest = json.split_once(&format!("\"{name}\":")).expect(name).1.trim_start();
    rest.trim_start_matches('"').split('"').next().unwrap()
}

fn client_in_body(folder: &Path, owner: &str) -> String {
    let file = folder.join(format!("keys/clients/{owner}.client.json"));
    let client = fs::read_to_string(file).unwrap();
    let (id, secret) = (member(&client, "client_id"), member(&client, "client_secret"));
    format!("client_id={id}&client_secret={secret}")
}

fn token(server: &Server, folder: &Path, owner: &str) -> String {
    let body = format!("grant_type=client_credentials&{}", client_in_body(folder, owner));
    let answer = server.send("POST", "/token", &[FORM], &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    member(&answer.body, "access_token").to_owned()
}

#[test]
fn a_dotenv_file_is_read_only_if_others_cannot_have_written_it_or_read_a_secret_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    // A secret of another server is one all the same.
    for (text, mode) in [("MCP_AUDIENCE=x", 0o666), ("MCP_API_KEY=horse", 0o644)] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
        assert!(error.contains("chmod 600 .env") && !error.contains("horse"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
    assert!(error.contains(".env is not a file"), "{error}");
}

#[test]
fn a_first_run_makes_clients_whose_tokens_work() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    for file in
        ["jwt.secret", "credentials.db", "clients/bob.client.json", "clients/alice.client.json"]
    {
        let mode =
            fs::metadata(folder.path().join("keys").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(server.banner.contains("keys/clients/bob.client.json"), "{}", server.banner);
    let command = format!("cargo run -p jwt-client -- --url http://{}/mcp", server.address);
    assert!(server.banner.contains(&command), "{}", server.banner);

    let token = token(&server, folder.path(), "alice");
    let bearer = format!("authorization: Bearer {token}");
    let answer = server.call(&bearer, "whoami", "{}");
    assert!(answer.status == 200 && answer.body.contains(r#""user":"alice""#), "{}", answer.body);
    let answer = server.call(&bearer, "get_account_balance", "{}");
    assert!(answer.status == 200 && answer.body.contains("180"), "{}", answer.body);
    let answer = server.call(&bearer, "remove_shopping_item", r#"{"id":1}"#);
    assert_eq!(answer.status, 403, "{}", answer.body);
    let wanted = r#"error="insufficient_scope""#;
    assert!(
        answer.head.contains(wanted) && answer.head.contains("shopping:remove"),
        "{}",
        answer.head
    );

    let secret = fs::read_to_string(folder.path().join("keys/jwt.secret")).unwrap();
    let client = fs::read_to_string(folder.path().join("keys/clients/alice.client.json")).unwrap();
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    for secret in [secret.trim(), member(&client, "client_secret"), &token] {
        assert!(
            !server.banner.contains(secret) && !log.contains(secret),
            "{}\n{log}",
            server.banner
        );
    }
    assert!(server.interrupt().success());
}

#[test]
fn a_token_is_for_the_mcp_url_and_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        ANY_PORT,
        &["--issuer", "https://issuer.example", "--audience", "mcp", "--token-ttl", "5m"],
    ]
    .concat();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    let bearer = format!("authorization: Bearer {}", token(&server, folder.path(), "bob"));
    assert!(server.interrupt().success());
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    let answer = server.call(&bearer, "whoami", "{}");
    assert!(answer.body.contains(r#""issuer":"https://issuer.example""#), "{}", answer.body);
    assert!(server.interrupt().success());
    // The same secret, and another audience.
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    assert_eq!(server.call(&bearer, "whoami", "{}").status, 401);
}

#[test]
fn whoever_has_no_token_is_told_where_one_is_to_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let link = format!(
        r#"resource_metadata="http://{}/.well-known/oauth-protected-resource/mcp""#,
        server.address
    );
    for path in ["/mcp", "/mcp/", "/mcp/x"] {
        let answer = server.send("POST", path, &[], "");
        assert!(answer.status == 401 && answer.head.contains(&link), "{}", answer.head);
        assert!(!answer.head.contains("error="), "{}", answer.head);
    }
    let at_path = server.send("GET", "/.well-known/oauth-protected-resource/mcp", &[], "");
    let at_root = server.send("GET", "/.well-known/oauth-protected-resource", &[], "");
    assert_eq!(at_path.body, at_root.body);
    assert_eq!(member(&at_path.body, "resource"), format!("http://{}/mcp", server.address));
    let issuer = format!(r#""authorization_servers":["http://{}"]"#, server.address);
    assert!(at_path.body.contains(&issuer), "{}", at_path.body);
    let metadata = server.send("GET", "/.well-known/oauth-authorization-server", &[], "").body;
    assert_eq!(member(&metadata, "token_endpoint"), format!("http://{}/token", server.address));
    assert_eq!(server.send("GET", "/.well-known/x", &[], "").status, 404);
    assert_eq!(server.send("GET", "/token", &["host: evil.example"], "").status, 403);
}

/// The way that rmcp's own client goes, which refuses every document that differs.
#[test]
fn from_the_challenge_alone_a_client_finds_all_it_needs_for_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let origin = format!("http://{}", server.address);
    let get = |url: &str| {
        let path = url.strip_prefix(&origin).expect("on this server");
        let answer = server.send("GET", path, &[], "");
        assert!(answer.status == 200 && answer.head.contains("application/json"), "{url}");
        answer.body
    };
    let challenge = server.send("GET", "/mcp", &[], "").head;
    let resource =
        get(challenge.split_once("resource_metadata=\"").unwrap().1.split('"').next().unwrap());
    assert_eq!(member(&resource, "resource"), format!("{origin}/mcp"));
    let issuer = resource.split_once("\"authorization_servers\":[\"").unwrap().1;
    let issuer = issuer.split('"').next().unwrap();
    let metadata = get(&format!("{issuer}/.well-known/oauth-authorization-server"));
    assert_eq!(member(&metadata, "issuer"), issuer);
    for lists in [
        r#""grant_types_supported":["client_credentials"]"#,
        r#""token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]"#,
        r#""response_types_supported":["code"]"#,
        r#""code_challenge_methods_supported":["S256"]"#,
    ] {
        assert!(metadata.contains(lists), "no {lists} in {metadata}");
    }
    // Without this one rmcp cannot read the document, though nobody can log in there.
    let authorize = member(&metadata, "authorization_endpoint").strip_prefix(&origin).unwrap();
    assert_eq!(server.send("GET", authorize, &[], "").status, 400);
    let token_endpoint = member(&metadata, "token_endpoint").strip_prefix(&origin).unwrap();
    let body = format!(
        "grant_type=client_credentials&{}&scope=weather%3Aread&resource={origin}/mcp",
        client_in_body(folder.path(), "bob")
    );
    let answer = server.send("POST", token_endpoint, &[FORM, "accept: application/json"], &body);
    assert_eq!(member(&answer.body, "scope"), "weather:read");
    let bearer = format!("authorization: Bearer {}", member(&answer.body, "access_token"));
    let answer = server.call(&bearer, "get_weather", r#"{"location":"London"}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn the_capabilities_name_the_extension_for_client_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let bearer = format!("authorization: Bearer {}", token(&server, folder.path(), "bob"));
    let headers = [
        bearer.as_str(),
        "content-type: application/json",
        "accept: application/json, text/event-stream",
    ];
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let answer = server.send("POST", "/mcp", &headers, initialize);
    let extension = r#""extensions":{"io.modelcontextprotocol/oauth-client-credentials":{}}"#;
    assert!(answer.body.contains(extension), "{}", answer.body);
}

#[test]
fn a_first_token_is_asked_for_with_the_scopes_that_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let refused = server.send("POST", "/mcp", &[], "");
    assert_eq!(refused.status, 401);
    let scope = r#"scope="payments:read shopping:read weather:read""#;
    assert!(refused.head.contains(scope), "{}", refused.head);
    // Nobody refreshes a token here (MCP 2026-07-28, Authorization, Refresh Tokens).
    let document = server.send("GET", "/.well-known/oauth-protected-resource/mcp", &[], "").body;
    assert!(document.contains("weather:read") && !document.contains("offline"), "{document}");
}

#[test]
fn a_token_that_its_client_takes_back_is_refused_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    assert!(server.banner.contains("POST /token and /revoke"), "{}", server.banner);
    let metadata = server.send("GET", "/.well-known/oauth-authorization-server", &[], "").body;
    let endpoint = format!("http://{}/revoke", server.address);
    assert_eq!(member(&metadata, "revocation_endpoint"), endpoint);

    let [first, second] = [(); 2].map(|()| token(&server, folder.path(), "bob"));
    let bearer = |token: &str| format!("authorization: Bearer {token}");
    let revoke = |owner: &str, token: &str| {
        let body = format!("{}&token={token}", client_in_body(folder.path(), owner));
        server.send("POST", "/revoke", &[FORM], &body)
    };
    let foreign = revoke("alice", &first);
    assert!(foreign.status == 400 && foreign.body.contains("unauthorized_client"));
    assert_eq!(server.call(&bearer(&first), "whoami", "{}").status, 200);
    let answer = revoke("bob", &first);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    let refused = server.call(&bearer(&first), "whoami", "{}");
    assert!(refused.status == 401 && refused.body.contains("invalid_token"), "{}", refused.body);
    assert_eq!(server.call(&bearer(&second), "whoami", "{}").status, 200);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("was revoked") && !log.contains(&first), "{log}");

    assert!(server.interrupt().success());
    let address = server_address(&metadata);
    let server = Server::start(EXE, folder.path(), &["--listen", &address], &[]);
    assert_eq!(server.call(&bearer(&first), "whoami", "{}").status, 401);
    assert_eq!(server.call(&bearer(&second), "whoami", "{}").status, 200);
}

/// Tokens name the port that they were issued at.
fn server_address(metadata: &str) -> String {
    member(metadata, "issuer").trim_start_matches("http://").to_owned()
}

#[test]
fn json_is_read_at_the_token_endpoint_where_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let json = "content-type: application/json";
    let ask = |server: &Server| {
        let file = folder.path().join("keys/clients/bob.client.json");
        let client = fs::read_to_string(file).unwrap();
        let body = client.replacen('{', r#"{"grant_type":"client_credentials","#, 1);
        server.send("POST", "/token", &[json], &body)
    };
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let answer = ask(&server);
    assert!(answer.status == 400 && answer.body.contains("x-www-form-urlencoded"));
    assert!(server.interrupt().success());
    for (flags, env) in [
        ([ANY_PORT, &["--accept-json"]].concat(), &[][..]),
        (ANY_PORT.to_vec(), &[("MCP_ACCEPT_JSON", "true")][..]),
    ] {
        let server = Server::start(EXE, folder.path(), &flags, env);
        assert_eq!(ask(&server).status, 200);
    }
}

#[test]
fn ctrl_c_ends_a_stream_on_which_an_older_client_listens() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let bearer = format!("authorization: Bearer {}", token(&server, folder.path(), "bob"));
    let headers =
        ["content-type: application/json", "accept: application/json, text/event-stream", &bearer];
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
    let answer = server.send("POST", "/mcp", &headers, initialize);
    let session = answer.head.lines().find(|line| line.starts_with("mcp-session-id: ")).unwrap();

    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET /mcp HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n{bearer}\r\n{session}\r\n\r\n",
        server.address
    )
    .unwrap();
    let mut start = [0; 15];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    assert!(server.interrupt().success());
    stream.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let text = help(EXE, folder.path());
    for word in [
        "--listen",
        "MCP_LISTEN",
        "127.0.0.1:8102",
        "--keys",
        "--public-url",
        "--tls-cert",
        "MCP_TLS_KEY",
        "--insecure-http",
        "--trusted-proxy",
        "--request-timeout",
        "--max-connections",
        "--store",
        "--issuer",
        "--audience",
        "--token-ttl",
        "MCP_TOKEN_TTL",
        "60m",
        "--secret-file",
        "--accept-json",
        "MCP_ACCEPT_JSON",
        "form-encoded",
        "--weather",
        "keygen -- client create",
        "--scope",
    ] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
}
