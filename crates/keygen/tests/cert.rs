//! The real program makes certificates.

mod shell;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::Value;
use shell::Shell;

/// Whether a client that trusts `ca` takes the certificate for this name, so many days from now.
fn is_trusted(ca: &str, cert: &str, name: &str, days: u64) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("a certificate");
    roots.add(ca).expect("one that can be trusted");
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert.as_bytes())
        .collect::<Result<_, _>>()
        .expect("certificates");
    let name = ServerName::try_from(name).expect("a name");
    let then = SystemTime::now() + Duration::from_secs(days * 24 * 60 * 60);
    let since = then.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let (first, rest) = chain.split_first().expect("a chain");
    let verifier = verifier.build().expect("a verifier");
    let then = UnixTime::since_unix_epoch(since);
    verifier.verify_server_cert(first, rest, &name, &[], then).is_ok()
}

#[test]
fn a_certificate_is_for_this_machine_and_for_what_was_named() {
    let shell = Shell::new();
    let text = shell.ok(&["cert", "--name", "mcp.example", "--name", "192.0.2.1"]);
    for part in [
        "mcp.example",
        "cargo run -p apikey-server -- --tls-cert keys/tls_cert.pem --tls-key keys/tls_key.pem",
        "--url https://127.0.0.1:8101/mcp --ca keys/tls_ca.pem",
    ] {
        assert!(text.contains(part), "no {part} in: {text}");
    }
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    let read = |name: &str| fs::read_to_string(shell.path(name)).unwrap();
    let (ca, cert) = (read("keys/tls_ca.pem"), read("keys/tls_cert.pem"));
    for name in ["localhost", "127.0.0.1", "::1", "mcp.example", "192.0.2.1"] {
        assert!(is_trusted(&ca, &cert, name, 0), "not for {name}");
    }
    assert!(!is_trusted(&ca, &cert, "other.example", 0));
    assert!(is_trusted(&ca, &cert, "localhost", 89) && !is_trusted(&ca, &cert, "localhost", 91));
    let modes = ["tls_ca.pem", "tls_cert.pem", "tls_key.pem"];
    let modes = modes.map(|name| shell.mode(&format!("keys/{name}")));
    assert_eq!(modes, [0o644, 0o644, 0o600]);
    assert!(!shell.path("keys/tls_ca_key.pem").exists());
}

#[test]
fn a_certificate_is_replaced_only_when_that_was_said() {
    let shell = Shell::new();
    let made = shell.json(&["cert", "--days", "7"]);
    assert_eq!(made["names"], serde_json::json!(["localhost", "127.0.0.1", "::1"]));
    assert_eq!(made["private_key"], "keys/tls_key.pem");
    assert_eq!(made["ca_private_key"], Value::Null);
    let read = |name: &str| fs::read_to_string(shell.path(name)).unwrap();
    let (ca, cert) = (read("keys/tls_ca.pem"), read("keys/tls_cert.pem"));
    assert!(!is_trusted(&ca, &cert, "localhost", 8));

    assert!(shell.fails(&["cert"]).contains("--force"));
    fs::remove_file(shell.path("keys/tls_key.pem")).unwrap();
    assert!(shell.fails(&["cert"]).contains("--force"));
    assert!(!shell.path("keys/tls_key.pem").exists() && read("keys/tls_ca.pem") == ca);

    let text = shell.ok(&["cert", "--force", "--keep-ca-key", "--keys", "keys"]);
    assert!(text.contains("can sign others"), "{text}");
    assert_eq!(shell.mode("keys/tls_ca_key.pem"), 0o600);
    assert!(!is_trusted(&ca, &read("keys/tls_cert.pem"), "localhost", 0));
    assert!(is_trusted(&read("keys/tls_ca.pem"), &read("keys/tls_cert.pem"), "localhost", 0));
    assert!(shell.fails(&["cert", "--force", "--name", "a b"]).contains("--name mcp.example"));
}
