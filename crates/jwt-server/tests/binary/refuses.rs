//! The real binary: what it refuses to start with, and what it says would help.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use mcp_auth::authn::client::PlainClient;
use mcp_auth::secret;
use store::{NewClient, Store};

use super::binary::{Server, refusal};
use super::{ANY_PORT, EXE};

/// It is refused, and so never listens there.
const OTHERS: &[&str] =
    &["--listen", "0.0.0.0:0", "--public-url", "https://mcp.example", "--insecure-http"];

#[test]
fn what_cannot_run_says_in_one_sentence_what_would_help() {
    let folder = tempfile::tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let error = refusal(EXE, folder.path(), &["--listen", &address], &[]);
    assert!(error.contains(&address) && error.contains("--listen"), "{error}");

    let flags = [ANY_PORT, &["--secret-file", "none.secret"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("keygen -- secret --out none.secret"), "{error}");
    assert!(!error.contains("--force"), "{error}");
    fs::write(folder.path().join("my secret"), "short").unwrap();
    fs::set_permissions(folder.path().join("my secret"), Permissions::from_mode(0o600)).unwrap();
    let flags = [ANY_PORT, &["--secret-file", "my secret"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("keygen -- secret --out 'my secret' --force"), "{error}");

    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::set_permissions(folder.path().join("folder"), Permissions::from_mode(0o700)).unwrap();
    let flags = [ANY_PORT, &["--secret-file", "folder"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("another with --secret-file"), "{error}");

    let secret = folder.path().join("keys/jwt.secret");
    fs::set_permissions(&secret, Permissions::from_mode(0o640)).unwrap();
    let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
    assert!(error.contains("chmod 600"), "{error}");

    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    fs::write(&secret, "c2hvcnQ").unwrap();
    let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
    assert!(error.contains("32") && !error.contains("c2hvcnQ"), "{error}");

    for ttl in ["59s", "0", "24h 1s", "25h"] {
        let error = refusal(EXE, folder.path(), ANY_PORT, &[("MCP_TOKEN_TTL", ttl)]);
        assert!(error.contains("from 60s to 24h"), "{ttl}: {error}");
    }

    for issuer in ["not a url", "http://issuer.example", "https://issuer.example#x"] {
        let error = refusal(EXE, folder.path(), ANY_PORT, &[("MCP_ISSUER", issuer)]);
        assert!(error.contains("MCP_ISSUER") && error.contains("https"), "{error}");
    }
}

#[test]
fn a_secret_that_could_be_guessed_or_read_by_others_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Server::start(EXE, folder.path(), ANY_PORT, &[]).interrupt().success());
    let secret = folder.path().join("keys/jwt.secret");
    // Nothing, 31 bytes, and what tutorials have.
    for weak in [
        "",
        "\n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "secret",
        "your-secret-key",
        "your-256-bit-secret",
        "my super secret key that is long enough",
    ] {
        fs::write(&secret, weak).unwrap();
        let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
        assert!(error.contains("keygen -- secret --force"), "{weak:?}: {error}");
        // "secret" alone is a word of the sentence.
        assert!(weak.len() < 10 || !error.contains(weak), "{error}");
    }
    fs::write(&secret, &*mcp_auth::authn::jwt::mint::new_hs256_secret()).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o666] {
        fs::set_permissions(&secret, Permissions::from_mode(mode)).unwrap();
        let error = refusal(EXE, folder.path(), ANY_PORT, &[]);
        assert!(error.contains("chmod 600"), "{mode:o}: {error}");
    }
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    assert!(Server::start(EXE, folder.path(), ANY_PORT, &[]).interrupt().success());
}

#[test]
fn what_is_for_trying_out_is_refused_where_others_can_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(EXE, folder.path(), &OTHERS[..2], &[]);
    assert!(error.contains("--public-url"), "{error}");
    let error = refusal(EXE, folder.path(), OTHERS, &[]);
    assert!(error.contains("keygen -- client create"), "{error}");
    assert!(!folder.path().join("keys").exists(), "it made something");

    assert!(Server::start(EXE, folder.path(), ANY_PORT, &[]).interrupt().success());
    let error = refusal(EXE, folder.path(), OTHERS, &[]);
    assert!(error.contains("demo clients") && error.contains("client revoke"), "{error}");

    let own = folder.path().join("own");
    let store = Store::open(&own.join(store::FILE_NAME)).unwrap();
    let client = PlainClient::mint();
    let scopes = vec!["weather:read".to_owned()];
    store.insert_client(NewClient { scopes, ..NewClient::of(&client, "bob", "Own") }).unwrap();
    let flags = [OTHERS, &["--keys", "own"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("keygen -- secret --keys own"), "{error}");
    let text = mcp_auth::authn::jwt::mint::new_hs256_secret();
    secret::write(&own.join("jwt.secret"), &text, false).unwrap();
    // Behind a proxy, as far as it knows: a test listens for this machine alone.
    let flags = ["--listen", "127.0.0.1:0", "--public-url", "https://mcp.example", "--keys", "own"];
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    assert!(server.banner.contains("https://mcp.example/mcp"), "{}", server.banner);
    assert!(server.interrupt().success());
}

#[test]
fn a_demo_client_is_named_while_it_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [ANY_PORT, &["--store", "own.db"]].concat();
    assert!(Server::start(EXE, folder.path(), &flags, &[]).interrupt().success());
    let error = refusal(EXE, folder.path(), &[OTHERS, &["--store", "own.db"]].concat(), &[]);
    assert!(error.contains("client revoke ID --store own.db"), "{error}");

    let store = Store::open(&folder.path().join("own.db")).unwrap();
    for client in store.list_clients().unwrap() {
        store.revoke_client(&client.id).unwrap();
    }
    let client = PlainClient::mint();
    let scopes = vec!["weather:reed".to_owned(), "weather:read".to_owned()];
    store.insert_client(NewClient { scopes, ..NewClient::of(&client, "bob", "Own") }).unwrap();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    assert!(!server.banner.contains(".client.json"), "{}", server.banner);
    assert!(server.banner.contains("--client-file FILE"), "{}", server.banner);
    // What it says to do gives a client every scope that there is.
    let scopes = server.banner.split_once("--scope \"").unwrap().1.split('"').next().unwrap();
    let metadata = server.send("GET", "/.well-known/oauth-authorization-server", &[], "").body;
    let known = metadata.split_once(r#""scopes_supported":["#).unwrap().1;
    let known = known.split(']').next().unwrap().replace('"', "");
    let sorted = |text: &str, mark| {
        let mut words: Vec<_> = text.split(mark).map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(scopes, ' '), sorted(&known, ','));

    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("weather:reed") && warnings[0].contains(client.id()), "{log}");
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
