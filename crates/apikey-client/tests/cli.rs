//! The real client against the real server, over a socket.

#[path = "../../client/tests/site/mod.rs"]
mod site;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use client::{Connection, Credential, Protocol};
use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::PlainKey;
use mcp_auth::secret;
use store::{NewKey, Store};
use tempfile::TempDir;

use crate::site::{Site, document, run, stderr, stdout, tls};

const CLIENT: &str = env!("CARGO_BIN_EXE_apikey-client");

async fn site() -> Site {
    let keys = TempDir::new().expect("a folder");
    let options = apikey_server::Options::new(keys.path());
    Site::start::<apikey_server::Prepared>(CLIENT, keys, &options).await
}

impl Site {
    /// Opens a session of bob's, as another program would.
    async fn session(&self) -> Connection {
        let file = self.keys.path().join("clients/bob.apikey");
        let key = std::fs::read_to_string(file).expect("the key of a first run");
        let bob = Arc::new(Credential::api_key(key.trim().into()).expect("it fits a header"));
        let url = self.server.url();
        let open = Connection::open(&url, bob, Protocol::V2025_11_25);
        open.await.expect("it opens")
    }
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
    let tour = document(&site.client(&["--json"]));
    assert_eq!(tour["whoami"]["user"], "bob");
    assert_eq!(tour["refused"]["tool"], "remove_shopping_item");
    assert_eq!(tour["refused"]["refusal"]["status"], 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_key_is_told_before_it_comes() {
    let site = site().await;
    let store = Store::open(&site.keys.path().join("credentials.db")).expect("the server's store");
    let key = PlainKey::mint();
    let now = Timestamp::now();
    let ends = now + SignedDuration::from_hours(24);
    store
        .insert_key(NewKey {
            grants: vec!["get_time".to_owned()],
            created: now - SignedDuration::from_hours(24 * 300),
            expires: Some(ends),
            ..NewKey::of(&key, "bob", "Old laptop")
        })
        .expect("the id is new");
    let file = site.keys.path().join("old.apikey");
    secret::write(&file, key.reveal(), false).expect("the folder is ours");
    // To the second: the store keeps less than a clock says.
    let told = format!("The credential ends at {}", &ends.to_string()[..19]);
    for protocol in ["2025-11-25", "2026-07-28"] {
        let common = ["--protocol", protocol, "--key-file", "old.apikey"];
        let mut output = site.client(&[&common[..], &["--json", "whoami"]].concat());
        // Until the server has seen the key.
        for _ in 0..50 {
            if output.status.success() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            output = site.client(&[&common[..], &["--json", "whoami"]].concat());
        }
        assert_eq!(document(&output)["user"], "bob");
        let lines = stderr(&output);
        assert!(lines.starts_with(&told), "{lines}");
        assert!(lines.contains("keygen apikey rotate") && lines.lines().count() == 1, "{lines}");
        let refused = site.client(&[&common[..], &["call", "get_weather"]].concat());
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains("The credential ends at"), "{}", stderr(&refused));
        let lasting = site.client(&["--protocol", protocol, "whoami"]);
        assert_eq!(stderr(&lasting), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_ca_of_ones_own_has_to_be_named() {
    let keys = TempDir::new().expect("a folder");
    let mut options = apikey_server::Options::new(keys.path());
    options.common.transport = tls(keys.path());
    let site = Site::start::<apikey_server::Prepared>(CLIENT, keys, &options).await;
    site.needs_its_ca();

    let untrusted = stderr(&site.client(&["whoami"]));
    assert!(untrusted.contains("is not trusted"), "{untrusted}");
    for (file, part) in [("nowhere.pem", "Cannot read the CA"), ("tls_key.pem", "no certificate")] {
        let wrong = site.client(&["whoami", "--ca", file]);
        assert_eq!(wrong.status.code(), Some(1));
        assert!(stderr(&wrong).contains(part), "{}", stderr(&wrong));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_gets_their_own_data() {
    let site = site().await;
    let balance = |name| {
        let call = site.client(&["call", "get_account_balance", "--json", "--as", name]);
        assert_eq!(call.status.code(), Some(0), "{}", stderr(&call));
        document(&call)["structuredContent"].to_string()
    };
    assert!(balance("bob").contains("-200"), "{}", balance("bob"));
    assert!(balance("alice").contains("180"), "{}", balance("alice"));

    let limited = site.client(&["call", "get_latest_transactions", "limit=1", "--bearer"]);
    assert_eq!(limited.status.code(), Some(0), "{}", stderr(&limited));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_what_the_server_said_and_exits_with_2() {
    let site = site().await;
    for protocol in ["2025-11-25", "2026-07-28"] {
        let call = ["call", "remove_shopping_item", "id=1", "--protocol", protocol];
        let refused = site.client(&call);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        assert_eq!(stdout(&refused), "");
        for part in ["403", "remove_shopping_item", "what to do", "trace id"] {
            assert!(stderr(&refused).contains(part), "no '{part}' in: {}", stderr(&refused));
        }
    }
    let unknown = site.client(&["whoami", "--json", "--api-key", "mcpk_no_such_key"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(document(&unknown)["refused"]["status"], 401);
    assert!(stderr(&unknown).contains("can see the arguments"), "{}", stderr(&unknown));
    assert!(!stderr(&unknown).contains("mcpk_no_such_key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_shown_to_their_owner_who_can_end_them() {
    let site = site().await;
    let (first, _second) = (site.session().await, site.session().await);
    let shown = |arguments: &[&str]| {
        let output = site.client(&[&["sessions", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        document(&output)
    };
    let sessions = shown(&[])["sessions"].as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 2);
    assert_eq!(shown(&["--as", "alice"])["sessions"], serde_json::json!([]));

    let id = sessions[0]["id"].as_str().expect("an id");
    let foreign = site.client(&["sessions", "--end", id, "--as", "alice"]);
    assert_eq!(foreign.status.code(), Some(2), "{}", stderr(&foreign));
    assert_eq!(shown(&["--end", id])["sessions"].as_array().map(Vec::len), Some(1));
    // The session is ended at the server, and not only forgotten: its client opens another.
    first.call("whoami", Default::default()).await.expect("an answer");
    let left = shown(&[])["sessions"].as_array().expect("a list").clone();
    assert!(left.len() == 2 && left.iter().all(|session| session["id"] != id), "{left:?}");
    assert_eq!(shown(&["--end-all"])["ended"].as_array().map(Vec::len), Some(2));
    let text = stdout(&site.client(&["sessions"]));
    assert!(text.contains("No session is open."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_exit_with_1_and_say_what_to_do() {
    let site = site().await;
    let empty = TempDir::new().expect("a folder");
    for (output, part) in [
        (site.client(&["call", "get_time", "zone"]), "key=value"),
        (site.client(&["call", "get_time", "zone=Nowhere/Land"]), "The tool reports"),
        (site.client(&["--as", "charlie"]), "cargo run -p keygen -- apikey create"),
        (
            run(CLIENT, site.keys.path(), "http://127.0.0.1:9/mcp", &[]),
            "cargo run -p apikey-server",
        ),
        (run(CLIENT, empty.path(), "http://127.0.0.1:9/mcp", &[]), "cargo run -p apikey-server"),
    ] {
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(part), "no '{part}' in: {}", stderr(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_replaced_by_one_with_grants() {
    let site = site().await;
    let keys = site.keys.path();
    std::fs::remove_file(keys.join("clients/bob.apikey")).expect("the key of the first run");
    let lost = stderr(&site.client(&["whoami"]));
    let make = "keygen -- apikey create --grant '*' --owner bob --name bob --keys";
    assert!(lost.contains(make), "{lost}");
    assert!(!lost.contains("apikey-server"), "the store is there, so it would make none: {lost}");

    let spaced = keys.join("my keys");
    std::fs::create_dir(&spaced).expect("a folder");
    let none = stderr(&run(CLIENT, &spaced, &site.server.url(), &["whoami"]));
    let start = format!("cargo run -p apikey-server -- --keys '{}'", spaced.display());
    assert!(none.contains(&start) && none.contains("--grant '*'"), "{none}");

    let elsewhere = stderr(&site.client(&["whoami", "--as", "../x"]));
    assert!(elsewhere.contains("--key-file FILE"), "{elsewhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_an_endpoint_exits_with_1() {
    let site = site().await;
    let url = site.server.url().replace("/mcp", "/wrong");
    let wrong = run(CLIENT, site.keys.path(), &url, &["tools"]);
    assert_eq!(wrong.status.code(), Some(1));
    let told = format!("There is no MCP endpoint at {url}; check --url.\n");
    assert_eq!(stderr(&wrong), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_env_file_of_a_folder_above_is_not_read() {
    let site = site().await;
    std::fs::write(site.keys.path().join(".env"), "MCP_AS=alice\n").expect("a file");
    let below = site.keys.path().join("below");
    std::fs::create_dir(&below).expect("a folder");
    let user = |folder: &Path| {
        let whoami = Command::new(env!("CARGO_BIN_EXE_apikey-client"))
            .env_clear()
            .env("MCP_URL", site.server.url())
            .env("MCP_KEYS", site.keys.path())
            .current_dir(folder)
            .args(["whoami", "--json"])
            .output()
            .expect("the client runs");
        document(&whoami)["user"].clone()
    };
    assert_eq!(user(site.keys.path()), "alice");
    assert_eq!(user(&below), "bob");
}

#[test]
fn help_promises_only_what_logout_does() {
    let help =
        stdout(&run(CLIENT, Path::new("."), "http://127.0.0.1:9/mcp", &["logout", "--help"]));
    assert!(help.contains("End the session") && !help.contains("token"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_all_sessions_that_are_open() {
    let site = site().await;
    for protocol in ["2025-11-25", "2026-07-28"] {
        let _two = (site.session().await, site.session().await);
        let ended = document(&site.client(&["logout", "--json", "--protocol", protocol]));
        assert_eq!(ended["ended"].as_array().map(Vec::len), Some(2), "{ended}");
        let left = document(&site.client(&["sessions", "--json"]));
        assert_eq!(left["sessions"], serde_json::json!([]));
    }
    let _open = site.session().await;
    assert_eq!(stdout(&site.client(&["logout"])), "1 session ended.\n");
    assert_eq!(stdout(&site.client(&["logout"])), "No session was open.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_prints_the_key_alone_or_as_a_header() {
    let site = site().await;
    let file = site.keys.path().join("clients/bob.apikey");
    let key = std::fs::read_to_string(file).expect("the key of the first run");
    assert_eq!(stdout(&site.client(&["credential"])).trim_end(), key.trim_end());
    let header = stdout(&site.client(&["credential", "--header"]));
    assert_eq!(header.trim_end(), format!("X-API-Key: {}", key.trim_end()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_can_read_is_not_used() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    let site = site().await;
    let file = site.keys.path().join("clients/bob.apikey");
    std::fs::set_permissions(file, Permissions::from_mode(0o644)).expect("the file is ours");
    let output = site.client(&["whoami"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("chmod 600"), "{}", stderr(&output));
}

#[test]
fn a_loose_env_file_with_a_secret_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join(".env");
    std::fs::write(&file, "MCP_API_KEY=very-secret\n").expect("a file");
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
    assert_eq!(stdout(&tight), "very-secret\n", "{}", stderr(&tight));
}

#[test]
fn a_reader_that_has_gone_changes_no_exit_code() {
    let gone = || std::io::pipe().expect("a pipe").1;
    let call = |arguments: &[&str]| {
        let folder = TempDir::new().expect("a folder");
        Command::new(CLIENT)
            .env_clear()
            .env("MCP_API_KEY", "k")
            .current_dir(folder.path())
            .args(arguments)
            .stdout(gone())
            .stderr(gone())
            .status()
            .expect("the client runs")
    };
    for arguments in [&["credential"][..], &["credential", "--json"], &["--help"]] {
        assert_eq!(call(arguments).code(), Some(0), "{arguments:?}");
    }
    for arguments in [&["whoami", "--url", "nonsense"][..], &["whoami", "--nonsense"]] {
        assert_eq!(call(arguments).code(), Some(1), "{arguments:?}");
    }
}
