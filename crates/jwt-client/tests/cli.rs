//! The real client against the real server, over a socket.

#[path = "../../client/tests/site/mod.rs"]
mod site;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use client::{Connection, Credential, Protocol};
use serde_json::Value;
use tempfile::TempDir;

use crate::site::{Site, document, run, stderr, stdout, tls};

const CLIENT: &str = env!("CARGO_BIN_EXE_jwt-client");

async fn site() -> Site {
    site_with_life(Duration::from_secs(3600)).await
}

async fn site_with_life(token_ttl: Duration) -> Site {
    let keys = TempDir::new().expect("a folder");
    let mut options = jwt_server::Options::new(keys.path());
    options.token_ttl = token_ttl;
    Site::start::<jwt_server::Prepared>(CLIENT, keys, &options).await
}

/// The tokens that are kept, by their files.
fn kept(site: &Site) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(site.keys.path().join("cache")) else { return Vec::new() };
    folder.map(|entry| entry.expect("an entry").path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_shows_a_call_and_a_refusal_in_both_protocols() {
    let site = site().await;
    for protocol in ["2025-11-25", "2026-07-28"] {
        let tour = site.client(&["--protocol", protocol]);
        let text = stdout(&tour);
        assert_eq!(tour.status.code(), Some(0), "{text}{}", stderr(&tour));
        for part in [protocol, "You are bob", "get_weather", "Refused with 403", "trace id"] {
            assert!(text.contains(part), "no '{part}' in: {text}");
        }
        assert_eq!(stderr(&tour), "");
    }
    let refused = &document(&site.client(&["--json"]))["refused"]["refusal"];
    assert_eq!(refused["error"], "insufficient_scope");
    let challenge = refused["challenge"].as_str().expect("a challenge");
    assert!(challenge.contains("shopping:remove"), "{challenge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tokens_are_to_be_had_can_be_asked_of_the_server() {
    let site = site().await;
    let found = site.client(&["whoami", "--discover"]);
    assert_eq!(found.status.code(), Some(0), "{}", stderr(&found));
    assert!(stdout(&found).contains("You are bob"), "{}", stdout(&found));
    // Under this name it is another resource than the one that it says it is.
    let alias = site.server.url().replace("127.0.0.1", "localhost");
    let refused = site.client(&["whoami", "--discover", "--url", &alias]);
    assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
    assert!(stderr(&refused).contains("--token-url"), "{}", stderr(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_ca_of_ones_own_has_to_be_named() {
    let keys = TempDir::new().expect("a folder");
    let mut options = jwt_server::Options::new(keys.path());
    options.common.transport = tls(keys.path());
    Site::start::<jwt_server::Prepared>(CLIENT, keys, &options).await.needs_its_ca();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_kept_for_the_next_command_and_dropped_by_logout() {
    let site = site().await;
    let first = stdout(&site.client(&["credential"]));
    assert_eq!(stdout(&site.client(&["credential"])), first);
    let header = stdout(&site.client(&["credential", "--header"]));
    assert_eq!(header, format!("Authorization: Bearer {first}"));
    let files = kept(&site);
    assert_eq!(files.len(), 1);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&files[0]), 0o600);
    assert_eq!(mode(files[0].parent().expect("a folder")), 0o700);

    let logout = site.client(&["logout", "--json", "--protocol", "2025-11-25"]);
    assert_eq!(logout.status.code(), Some(0), "{}", stderr(&logout));
    assert_eq!(document(&logout)["ended"], serde_json::json!([]));
    assert!(kept(&site).is_empty());
    assert_ne!(stdout(&site.client(&["credential"])), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_sessions_under_the_token_that_is_kept_and_fetches_none() {
    let site = site().await;
    // No server is there: it is not asked for a token in order to give it back.
    let nothing = |json: &[&str]| {
        let arguments = [&["logout"], json].concat();
        run(CLIENT, site.keys.path(), "http://127.0.0.1:9/mcp", &arguments)
    };
    assert_eq!(stdout(&nothing(&[])), "No token is kept, so nothing is given back.\n");
    let document_of_nothing = document(&nothing(&["--json"]));
    assert_eq!(document_of_nothing, serde_json::json!({ "ended": [], "forgotten": null }));
    assert!(kept(&site).is_empty());

    let token = stdout(&site.client(&["credential"]));
    let bob = Arc::new(Credential::bearer(token.trim().into()).expect("it fits a header"));
    let url = site.server.url();
    let open = Connection::open(&url, bob, Protocol::V2025_11_25);
    let _session = open.await.expect("it opens");
    let logout = stdout(&site.client(&["logout"]));
    assert!(logout.starts_with("1 session ended.\nThe token kept in "), "{logout}");
    assert!(logout.contains("The server has revoked it."), "{logout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_has_the_token_revoked() {
    let site = site().await;
    let token = stdout(&site.client(&["credential"]));
    let file = kept(&site).remove(0);
    let copy = fs::read_to_string(&file).expect("the token that is kept");
    let logout = site.client(&["logout"]);
    assert!(stdout(&logout).contains("The server has revoked it."), "{}", stdout(&logout));

    // Whoever has a copy finds it refused, and so the client fetches another.
    fs::write(&file, copy).expect("the folder is ours");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    assert_eq!(stdout(&site.client(&["credential"])), token);
    let call = site.client(&["call", "get_account_balance"]);
    assert_eq!(call.status.code(), Some(0), "{}", stderr(&call));
    assert_ne!(stdout(&site.client(&["credential"])), token);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_drops_a_token_also_where_the_server_knows_neither_it_nor_its_client() {
    let site = site().await;
    site.client(&["credential"]);
    let file = kept(&site).remove(0);
    let id = fs::read_to_string(site.keys.path().join("clients/bob.client.json")).expect("bob");
    let id: Value = serde_json::from_str(&id).expect("JSON");
    let store = store::Store::open(&site.keys.path().join(store::FILE_NAME)).expect("a store");
    store.revoke_client(id["client_id"].as_str().expect("text")).expect("it is there");
    // The server follows its store.
    std::thread::sleep(Duration::from_millis(500));
    let logout = site.client(&["logout"]);
    // The tokens of a client that was revoked open nothing, and so its sessions are not seen.
    assert_eq!(logout.status.code(), Some(2), "{}", stdout(&logout));
    for part in ["is removed. The server has not revoked it", "s more", "401 invalid_client"] {
        assert!(stderr(&logout).contains(part), "no '{part}' in: {}", stderr(&logout));
    }
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_no_longer_good_is_replaced_without_a_word() {
    let site = site().await;
    site.client(&["credential"]);
    let file = kept(&site).remove(0);
    let text = fs::read_to_string(&file).expect("the token that is kept");
    let mut kept: Value = serde_json::from_str(&text).expect("JSON");
    kept["access_token"] = "not.a.token".into();
    fs::write(&file, kept.to_string()).expect("the file is ours");

    let call = site.client(&["call", "get_account_balance", "--json"]);
    assert_eq!(call.status.code(), Some(0), "{}", stderr(&call));
    let text = fs::read_to_string(&file).expect("the token that is kept");
    assert!(!text.contains("not.a.token"), "the new token is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_less_than_half_a_minute_is_not_used_again() {
    let site = site_with_life(Duration::from_secs(29)).await;
    let first = stdout(&site.client(&["credential"]));
    assert_ne!(stdout(&site.client(&["credential"])), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_what_the_server_said_and_exits_with_2() {
    let site = site().await;
    let bob = fs::read_to_string(site.keys.path().join("clients/bob.client.json")).expect("bob");
    let wrong = site.keys.path().join("wrong.json");
    let mut account: Value = serde_json::from_str(&bob).expect("JSON");
    account["client_secret"] = "wrong".into();
    fs::write(&wrong, account.to_string()).expect("a file");
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    let wrong = wrong.to_str().expect("text");

    for (arguments, parts) in [
        (
            &["call", "remove_shopping_item", "id=1"][..],
            &["403", "insufficient_scope", "trace id"][..],
        ),
        (
            &["whoami", "--client-file", wrong],
            &["401", "invalid_client", "keygen -- client create"],
        ),
        (&["whoami", "--scope", "payments:write"], &["400", "invalid_scope", "leave --scope out"]),
        (&["whoami", "--resource", "http://other/mcp"], &["400", "invalid_target", "--resource"]),
        (
            &["call", "get_weather", "location=London", "--scope", "payments:read"],
            &["403", "weather:read"],
        ),
    ] {
        let refused = site.client(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?} {}", stderr(&refused));
        for part in parts {
            assert!(stderr(&refused).contains(part), "no '{part}' in: {}", stderr(&refused));
        }
        assert_eq!(stdout(&refused), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_exit_with_1_and_say_what_to_do() {
    let site = site().await;
    for (output, part) in [
        (site.client(&["--as", "charlie"]), "cargo run -p keygen -- client create"),
        (site.client(&["whoami", "--token-url", "nonsense"]), "is not a URL"),
        (run(CLIENT, site.keys.path(), "http://127.0.0.1:9/mcp", &[]), "cargo run -p jwt-server"),
    ] {
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(part), "no '{part}' in: {}", stderr(&output));
    }
}

#[test]
fn a_loose_env_file_with_a_secret_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join(".env");
    std::fs::write(&file, "MCP_CLIENT_SECRET=very-secret\n").expect("a file");
    let with_mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&file, mode).expect("the file is ours");
        run(CLIENT, folder.path(), "http://127.0.0.1:9/mcp", &["credential"])
    };
    let loose = with_mode(0o640);
    assert_eq!(loose.status.code(), Some(1));
    assert!(stderr(&loose).contains("chmod 600 .env"), "{}", stderr(&loose));
    assert!(!stderr(&loose).contains("very-secret"));
    let tight = with_mode(0o600);
    assert!(stderr(&tight).contains("MCP_CLIENT_ID"), "it is read: {}", stderr(&tight));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_credential_is_replaced_by_one_with_scopes() {
    let site = site().await;
    fs::remove_file(site.keys.path().join("clients/bob.client.json")).expect("of the first run");
    let lost = stderr(&site.client(&["whoami"]));
    for part in ["keygen -- client create --scope weather:read", "--owner bob --name bob --keys"] {
        assert!(lost.contains(part), "no '{part}' in: {lost}");
    }
    assert!(!lost.contains("jwt-server"), "the store is there, so it would make none: {lost}");
    let elsewhere = stderr(&site.client(&["whoami", "--as", "../x"]));
    assert!(elsewhere.contains("--client-file FILE"), "{elsewhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_a_token_endpoint_exits_with_1() {
    let site = site().await;
    let url = site.server.url().replace("/mcp", "/wrong");
    let wrong = site.client(&["whoami", "--token-url", &url]);
    assert_eq!(wrong.status.code(), Some(1), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("no token endpoint at"), "{}", stderr(&wrong));
}

#[test]
fn help_promises_what_logout_does() {
    let help =
        stdout(&run(CLIENT, Path::new("."), "http://127.0.0.1:9/mcp", &["logout", "--help"]));
    assert!(help.contains("drop the token that is kept"), "{help}");
}
