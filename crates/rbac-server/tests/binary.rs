//! The real binary: what it needs, what it refuses, and its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../serve/tests/binary/mod.rs"]
mod binary;
#[path = "binary/issuer.rs"]
mod issuer;
#[path = "binary/jwks.rs"]
mod jwks;
#[path = "binary/jwks_ca.rs"]
mod jwks_ca;
#[path = "binary/place.rs"]
mod place;
#[path = "binary/reload.rs"]
mod reload;
#[path = "binary/rotation.rs"]
mod rotation;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use binary::{Server, help, refusal};
use keygen::rsa::RsaPair;
use mcp_auth::authn::jwt::{Claims, Signer};
use rbac_server::{DEFAULT_AUDIENCE, DEFAULT_ISSUER};

const EXE: &str = env!("CARGO_BIN_EXE_rbac-server");
const ANY_PORT: &[&str] = &["--listen", "127.0.0.1:0"];
const OTHERS: &[&str] =
    &["--listen", "0.0.0.0:0", "--public-url", "https://mcp.example", "--insecure-http"];

static PAIR: LazyLock<RsaPair> = LazyLock::new(|| keygen::rsa::generate(2048).unwrap());

fn folder_with_key() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_key(&folder.path().join("keys/rsa_public.pem"));
    folder
}

fn write_key(path: &Path) {
    mcp_auth::secret::write_public(path, &PAIR.public_pem, false).unwrap();
}

fn bearer(role: Option<&str>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let claims = Claims {
        iss: DEFAULT_ISSUER.into(),
        sub: "bob".into(),
        aud: DEFAULT_AUDIENCE.into(),
        exp: now + 60,
        iat: Some(now),
        jti: Some("one".into()),
        client_id: Some("test".into()),
        job_role: role.map(str::to_owned),
        ..Claims::default()
    };
    let token = Signer::rs256(&PAIR.private_pem).unwrap().mint(&claims);
    format!("authorization: Bearer {token}")
}

#[test]
fn without_a_public_key_it_says_how_one_is_made_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
    assert!(error.contains("cargo run -p keygen -- rsa"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it made something");
    let flags = [ANY_PORT, &["--keys", "other"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("keygen -- rsa --keys other"), "{error}");
}

#[test]
fn roles_decide_which_tools_may_be_called() {
    let folder = folder_with_key();
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    assert!(
        server.banner.contains("AssistantManager, Auditor, Manager, Officer"),
        "{}",
        server.banner
    );
    let command = format!("cargo run -p rbac-client -- --url http://{}/mcp", server.address);
    assert!(server.banner.contains(&command), "{}", server.banner);
    for (role, hr, projects, crm, add) in [
        (Some("Manager"), 200, 200, 200, 200),
        (Some("AssistantManager"), 200, 200, 403, 200),
        (Some("Officer"), 200, 403, 403, 200),
        (Some("Auditor"), 200, 200, 200, 403),
        (Some("officer"), 403, 403, 403, 403),
        (None, 403, 403, 403, 403),
    ] {
        let bearer = bearer(role);
        let status = |tool| server.call(&bearer, tool, "{}").status;
        assert_eq!(status("whoami"), 200, "{role:?}");
        let found = (
            status("hr_summary"),
            status("project_summary"),
            status("crm_summary"),
            status("hr_add_employee"),
        );
        assert_eq!(found, (hr, projects, crm, add), "{role:?}");
    }
    let answer = server.call(&bearer(Some("Officer")), "crm_summary", "{}");
    assert!(!answer.head.contains("www-authenticate"), "no new token would help: {}", answer.head);
    assert!(server.interrupt().success());
}

#[test]
fn it_names_an_issuer_only_if_it_was_given_one() {
    let folder = folder_with_key();
    let path = "/.well-known/oauth-protected-resource";
    let server = Server::start(EXE, folder.path(), ANY_PORT, &[]);
    let answer = server.send("GET", path, &[], "");
    assert!(
        answer.status == 200 && !answer.body.contains("authorization_servers"),
        "{}",
        answer.body
    );
    assert_eq!(server.send("POST", "/token", &[], "").status, 404);
    drop(server);
    let flags = [ANY_PORT, &["--issuer", "https://issuer.example"]].concat();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    let answer = server.send("GET", path, &[], "");
    assert!(answer.body.contains(r#""authorization_servers":["https://issuer.example"]"#));
    assert_eq!(server.call(&bearer(Some("Manager")), "whoami", "{}").status, 401);
}

#[test]
fn what_cannot_run_says_in_one_sentence_what_would_help() {
    let folder = folder_with_key();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let error = refusal(EXE, folder.path(), &["--listen", &address], &[]);
    assert!(error.contains(&address) && error.contains("--listen"), "{error}");

    let policy = folder.path().join("policy.toml");
    let flags = [ANY_PORT, &["--policy", "policy.toml"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("no policy file policy.toml"), "{error}");
    assert!(error.contains("crates/rbac-server/policy.toml"), "{error}");
    fs::write(&policy, "[roles.Manager]\ntools = [\"hr_*\"\n").unwrap();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("policy.toml: line ") && error.contains("--policy"), "{error}");
    fs::write(&policy, "[roles.Manager]\ntool = [\"hr_*\"]\n").unwrap();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("line 2: unknown field `tool`"), "{error}");
    fs::write(&policy, "[roles.Manager]\ntools = [\"hr_lst\"]\n").unwrap();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("hr_lst") && error.contains("hr_list_employees"), "{error}");
    fs::write(&policy, "[roles.Manager]\ntools = [\"hr_*\"]\n").unwrap();
    fs::set_permissions(&policy, Permissions::from_mode(0o666)).unwrap();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("chmod go-w"), "{error}");

    let private = folder.path().join("private.pem");
    fs::write(&private, PAIR.private_pem.as_str()).unwrap();
    let flags = [ANY_PORT, &["--public-key", "private.pem"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("public key"), "{error}");
}

#[test]
fn a_key_that_could_be_factored_or_replaced_by_others_is_not_taken() {
    // 1024 bits, made for this test; its private half was not kept.
    const SHORT: &str = "-----BEGIN PUBLIC KEY-----\n\
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWFmqIr1p5C3/56YL9I6olX+hy\n\
        xQAjC3JAx++bJSQJ62LfO5HcggayE63JT4q4jHIJnYx7nmsaVEOkAV8EEVjV2les\n\
        V/LOHV/wlukhr6p/oz+jh0AHaZkxSDQ0GOOd7dMY03IWDsf1c0I1PbHve2wRUXYD\n\
        vUqngiAZBeeZbFYYWQIDAQAB\n\
        -----END PUBLIC KEY-----\n";
    let folder = folder_with_key();
    let key = folder.path().join("keys/rsa_public.pem");
    fs::write(&key, SHORT).unwrap();
    let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
    assert!(error.contains("1024 bits") && error.contains("2048"), "{error}");
    for text in ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"] {
        fs::write(&key, text).unwrap();
        let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
        assert!(error.contains("public key"), "{error}");
    }
    fs::write(&key, &PAIR.public_pem).unwrap();
    for mode in [0o666, 0o664, 0o646] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
        assert!(error.contains("chmod go-w"), "{mode:o}: {error}");
    }
    // A public key may be read by everybody.
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert!(Server::start(EXE, folder.path(), ANY_PORT, &[]).interrupt().success());
}

#[test]
fn what_is_for_trying_out_is_refused_where_others_can_reach_it() {
    let folder = folder_with_key();
    let error = refusal(EXE, folder.path(), &OTHERS[..2], &[]);
    assert!(error.contains("--public-url"), "{error}");
    let error = refusal(EXE, folder.path(), OTHERS, &[]);
    for flag in ["--issuer", "--audience", "--policy"] {
        assert!(error.contains(flag), "{error}");
    }
    // Said aloud, the default is still the default.
    let flags =
        [OTHERS, &["--issuer", DEFAULT_ISSUER, "--audience", "own", "--policy", "own.toml"]]
            .concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("--issuer") && !error.contains("--audience"), "{error}");

    fs::write(folder.path().join("own.toml"), "[roles.Manager]\ntools = [\"hr_*\"]\n").unwrap();
    // Behind a proxy, as far as it knows: a test listens for this machine alone.
    let flags = [
        &["--listen", "127.0.0.1:0"],
        &OTHERS[2..],
        &["--issuer", "https://issuer.example", "--audience", "own", "--policy", "own.toml"],
    ]
    .concat();
    let private = folder.path().join("keys/rsa_private.pem");
    mcp_auth::secret::write(&private, &PAIR.private_pem, false).unwrap();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    // The client's own token would be one of the default issuer.
    assert!(!server.banner.contains("rsa_private.pem"), "{}", server.banner);
    let command = "rbac-client -- --url https://mcp.example/mcp --token-file FILE";
    assert!(server.banner.contains(command), "{}", server.banner);
    assert!(server.interrupt().success());
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let text = help(EXE, folder.path());
    for word in [
        "--listen",
        "MCP_LISTEN",
        "127.0.0.1:8103",
        "--keys",
        "--public-url",
        "--tls-cert",
        "MCP_TLS_KEY",
        "--insecure-http",
        "--trusted-proxy",
        "--request-timeout",
        "--max-connections",
        "--public-key",
        "--jwks",
        "MCP_JWKS_REFRESH",
        "--jwks-ca",
        "--issuer",
        "https://dev-issuer.com",
        "--audience",
        "my-mcp-server",
        "--policy",
        "keygen -- rsa",
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
    assert!(missing.contains("name another with --tls-cert"), "{missing}");
    assert!(!folder.path().join("keys").exists(), "it made something");
}
