//! T13: an issuer whose certificate is of a CA of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keygen::cert::{Certificates, generate};

use super::binary::{Server, refusal};
use super::place::{ANY_PORT, EXE, Place, in_time};

/// The place's own server as an issuer over TLS.
fn issuer(place: &Place, made: &Certificates) -> (Server, String) {
    mcp_auth::secret::write_public(&place.path("cert.pem"), &made.cert_pem, false).unwrap();
    mcp_auth::secret::write(&place.path("key.pem"), &made.key_pem, false).unwrap();
    let flags = [ANY_PORT, &["--tls-cert", "cert.pem", "--tls-key", "key.pem"]].concat();
    let server = Server::start(EXE, place.folder(), &flags, &[]);
    let url = format!("https://{}/jwks.json", server.address);
    (server, url)
}

fn ready(server: &Server) -> bool {
    server.send("GET", "/readyz", &[], "").status == 200
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}

#[test]
fn keys_come_from_whom_the_named_ca_vouches_for_and_from_nobody_else() {
    let (made, other) = (generate(&[], 1).unwrap(), generate(&[], 1).unwrap());
    let place = Place::new();
    let (_issuer, url) = issuer(&place, &made);
    let bearer = place.bearer("Officer");
    let own = tempfile::tempdir().unwrap();
    let ca = own.path().join("ca.pem");
    let flags = [ANY_PORT, &["--jwks", &url, "--jwks-refresh", "1s"]].concat();

    // The machine's own CAs do not know this one.
    let server = Server::start(EXE, own.path(), &flags, &[]);
    in_time("the fix is not told", || log(own.path()).contains("name that with --jwks-ca"));
    assert_eq!(server.call(&bearer, "whoami", "{}").status, 503);
    drop(server);

    fs::write(&ca, &other.ca_pem).unwrap();
    let flags = [&flags[..], &["--jwks-ca", "ca.pem"]].concat();
    let server = Server::start(EXE, own.path(), &flags, &[]);
    in_time("it is not told", || log(own.path()).contains("name that with --jwks-ca"));
    assert_eq!(server.call(&bearer, "whoami", "{}").status, 503);

    // The file is followed.
    fs::write(&ca, &made.ca_pem).unwrap();
    in_time("the new CA does not count", || ready(&server));
    assert_eq!(server.call(&bearer, "whoami", "{}").status, 200);
    fs::write(&ca, "nonsense").unwrap();
    in_time("it is not told", || log(own.path()).contains("ca.pem holds no certificate"));
    assert!(log(own.path()).contains("the one before stays in use"));
    fs::write(&ca, &other.ca_pem).unwrap();
    in_time("the old CA counts", || {
        log(own.path()).matches("the key set was not loaded").count() > 1
    });
    assert_eq!(server.call(&bearer, "whoami", "{}").status, 200, "what was loaded stays");
    // Both, one after the other, as while an issuer goes from one CA to the next.
    fs::write(&ca, format!("{}{}", other.ca_pem, made.ca_pem)).unwrap();
    in_time("it is not loaded again", || log(own.path()).contains("can be loaded again"));
    assert!(server.interrupt().success());
}

#[test]
fn beside_the_named_ca_none_of_the_machine_counts() {
    let (made, other) = (generate(&[], 1).unwrap(), generate(&[], 1).unwrap());
    let place = Place::new();
    let (_issuer, url) = issuer(&place, &made);
    let bearer = place.bearer("Officer");
    let own = tempfile::tempdir().unwrap();
    fs::write(own.path().join("machine.pem"), &made.ca_pem).unwrap();
    fs::write(own.path().join("ca.pem"), &other.ca_pem).unwrap();
    let machine = [("SSL_CERT_FILE", "machine.pem")];
    let flags = [ANY_PORT, &["--jwks", &url, "--jwks-refresh", "1s"]].concat();

    let server = Server::start(EXE, own.path(), &flags, &machine);
    in_time("the machine's CA does not count", || ready(&server));
    drop(server);
    let flags = [&flags[..], &["--jwks-ca", "ca.pem"]].concat();
    let server = Server::start(EXE, own.path(), &flags, &machine);
    in_time("it is not told", || log(own.path()).contains("name that with --jwks-ca"));
    assert_eq!(server.call(&bearer, "whoami", "{}").status, 503);
}

#[test]
fn a_ca_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let said = |jwks: &[&str]| {
        let flags = [ANY_PORT, jwks, &["--jwks-ca", "ca.pem"]].concat();
        refusal(EXE, folder.path(), &flags, &[])
    };
    let https = &["--jwks", "https://127.0.0.1:9/jwks.json"];
    assert!(said(https).contains("cannot read the CA ca.pem"), "{}", said(https));
    for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(&ca, text).unwrap();
        assert!(said(https).contains("holds no certificate"), "{text}: {}", said(https));
    }
    fs::write(&ca, generate(&[], 1).unwrap().ca_pem).unwrap();
    fs::set_permissions(&ca, Permissions::from_mode(0o666)).unwrap();
    assert!(said(https).contains("chmod go-w"), "{}", said(https));
    fs::set_permissions(&ca, Permissions::from_mode(0o644)).unwrap();
    for jwks in [&[][..], &["--jwks", "set.json"], &["--jwks", "http://127.0.0.1:9/jwks.json"]] {
        assert!(said(jwks).contains("leave --jwks-ca out"), "{jwks:?}: {}", said(jwks));
    }
}
