//! The real client against the real server, over a socket.

#[path = "../../client/tests/site/mod.rs"]
mod site;

use tempfile::TempDir;

use crate::site::{Site, document, run, stderr, stdout, tls};

const CLIENT: &str = env!("CARGO_BIN_EXE_rbac-client");

async fn site() -> Site {
    let keys = TempDir::new().expect("a folder");
    let pair = keygen::rsa::generate(2048).expect("a key pair");
    pair.write(keys.path(), false).expect("two files");
    let options = rbac_server::Options::new(keys.path());
    Site::start::<rbac_server::Prepared>(CLIENT, keys, &options).await
}

/// The names that `tools` shows to this role.
fn tools(site: &Site, role: &str) -> Vec<String> {
    let output = site.client(&["tools", "--json", "--role", role]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = document(&output);
    let tools = document["tools"].as_array().expect("a list").iter();
    tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_shows_a_call_and_a_refusal_in_both_protocols() {
    let site = site().await;
    for protocol in ["2025-11-25", "2026-07-28"] {
        let tour = site.client(&["--role", "Officer", "--protocol", protocol]);
        let text = stdout(&tour);
        assert_eq!(tour.status.code(), Some(0), "{text}{}", stderr(&tour));
        for part in [protocol, "You are bob", "hr_list_employees", "Refused with 403", "trace id"] {
            assert!(text.contains(part), "no '{part}' in: {text}");
        }
        assert!(stderr(&tour).contains("In production an issuer signs"), "{}", stderr(&tour));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_ca_of_ones_own_has_to_be_named() {
    let keys = TempDir::new().expect("a folder");
    keygen::rsa::generate(2048).expect("a key pair").write(keys.path(), false).expect("two files");
    let mut options = rbac_server::Options::new(keys.path());
    options.common.transport = tls(keys.path());
    Site::start::<rbac_server::Prepared>(CLIENT, keys, &options).await.needs_its_ca();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_goes_through_without_flags_and_without_rights() {
    let site = site().await;
    for (arguments, parts) in [
        (&[][..], ["AssistantManager", "(get_time)"]),
        (&["--role", "Nobody"], ["(1 tool)", "3. A call that is allowed  (whoami)"]),
    ] {
        let tour = site.client(arguments);
        let text = stdout(&tour);
        assert_eq!(tour.status.code(), Some(0), "{text}{}", stderr(&tour));
        for part in parts.iter().chain(&["Refused with 403"]) {
            assert!(text.contains(part), "no '{part}' in: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_private_key_is_told_with_what_replaces_it() {
    use std::fs;
    let site = site().await;
    let pem = site.keys.path().join("rsa_private.pem");
    fs::write(&pem, "not a key").expect("the file is ours");
    let usual = stderr(&site.client(&["whoami"]));
    for part in ["--private-key FILE", "replace the pair", "keygen -- rsa --force --keys"] {
        assert!(usual.contains(part), "no '{part}' in: {usual}");
    }
    let given = site.client(&["whoami", "--private-key", pem.to_str().expect("text")]);
    assert!(stderr(&given).contains("Check --private-key"), "{}", stderr(&given));

    // Half a pair is there, so that keygen makes none without --force.
    fs::remove_file(&pem).expect("the file is ours");
    let half = stderr(&site.client(&["whoami"]));
    assert!(half.contains("rsa --force"), "{half}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_decides_what_there_is() {
    let site = site().await;
    let area = |role, prefix| tools(&site, role).iter().any(|name| name.starts_with(prefix));
    assert!(area("Manager", "hr_") && area("Manager", "project_") && area("Manager", "crm_"));
    assert!(area("AssistantManager", "project_") && !area("AssistantManager", "crm_"));
    assert!(area("Officer", "hr_") && !area("Officer", "project_"));
    assert_eq!(tools(&site, "Nobody"), ["whoami"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_what_the_server_said_and_exits_with_2() {
    let site = site().await;
    let other = TempDir::new().expect("a folder");
    let pair = keygen::rsa::generate(2048).expect("a key pair");
    pair.write(other.path(), false).expect("two files");
    let foreign = other.path().join("rsa_private.pem");
    let foreign = foreign.to_str().expect("text");
    for (arguments, parts) in [
        (
            &["call", "crm_list_customers", "--role", "Officer"][..],
            &["403", "crm_list_customers"][..],
        ),
        (&["whoami", "--private-key", foreign], &["401", "invalid_token"]),
        (&["whoami", "--audience", "another"], &["401", "invalid_token"]),
        (&["whoami", "--issuer", "https://another"], &["401", "invalid_token"]),
    ] {
        let refused = site.client(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?} {}", stderr(&refused));
        for part in parts.iter().chain(&["what to do", "trace id"]) {
            assert!(stderr(&refused).contains(part), "no '{part}' in: {}", stderr(&refused));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_a_file_is_used_as_it_is() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    let site = site().await;
    let token = site.client(&["credential", "--role", "Auditor", "--sub", "alice"]);
    let file = site.keys.path().join("token");
    fs::write(&file, &token.stdout).expect("a file");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("the file is ours");
    let whoami = site.client(&["whoami", "--json", "--token-file", file.to_str().expect("text")]);
    assert_eq!(whoami.status.code(), Some(0), "{}", stderr(&whoami));
    assert_eq!(document(&whoami)["user"], "alice");
    assert_eq!(document(&whoami)["roles"][0], "Auditor");
    assert_eq!(stderr(&whoami), "", "nothing was signed here");

    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("the file is ours");
    let loose = site.client(&["whoami", "--token-file", file.to_str().expect("text")]);
    assert_eq!(loose.status.code(), Some(1));
    assert!(stderr(&loose).contains("chmod 600"), "{}", stderr(&loose));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_exit_with_1_and_say_what_to_do() {
    let site = site().await;
    let empty = TempDir::new().expect("a folder");
    for (output, part) in [
        (site.client(&["whoami", "--token-file", "none"]), "check --token-file"),
        (run(CLIENT, empty.path(), &site.server.url(), &[]), "cargo run -p keygen -- rsa"),
        (run(CLIENT, site.keys.path(), "http://127.0.0.1:9/mcp", &[]), "cargo run -p rbac-server"),
    ] {
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(part), "no '{part}' in: {}", stderr(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_says_when_no_session_is_open() {
    let site = site().await;
    let logout = site.client(&["logout"]);
    assert_eq!(logout.status.code(), Some(0), "{}", stderr(&logout));
    assert_eq!(stdout(&logout), "No session was open.\n");
}

#[test]
fn a_loose_env_file_with_a_secret_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join(".env");
    std::fs::write(&file, "MCP_TOKEN=very-secret\n").expect("a file");
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

    // The list is the one of the servers and of keygen.
    for name in mcp_auth::dotenv::SECRETS {
        std::fs::write(&file, format!("{name}=very-secret\n")).expect("a file");
        let loose = with_mode(0o644);
        assert!(stderr(&loose).contains("chmod 600 .env"), "{name}: {}", stderr(&loose));
    }
}
