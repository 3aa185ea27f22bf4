//! A store on a PostgreSQL server that is reached over TLS, with a password.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../../store/tests/place/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "other tests use all of it")]
mod shell;

use std::path::Path;
use std::process::{Command, Output};

use postgres::Server;
use shell::Shell;

const PASSWORD: &str = "geheim";

#[test]
fn a_postgresql_server_whose_certificate_nobody_trusts_is_told_nothing() {
    let shell = Shell::new();
    shell.ok(&["cert"]);
    let [cert, key, ca] =
        ["tls_cert", "tls_key", "tls_ca"].map(|name| shell.path(&format!("keys/{name}.pem")));
    let Some(server) = Server::start_over_tls(&cert, &key, PASSWORD) else { return };
    let address = server.address_over_tcp(&server.database());
    let list = |ca: Option<&Path>, password: &str| -> Output {
        let mut keygen = Command::new(env!("CARGO_BIN_EXE_keygen"));
        keygen.env_clear().current_dir(shell.path("")).env("PGPASSWORD", password);
        if let Some(ca) = ca {
            keygen.env("SSL_CERT_FILE", ca);
        }
        keygen.args(["apikey", "list", "--store", &address]).output().unwrap()
    };
    let trusted = list(Some(&ca), PASSWORD);
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    for (ca, password, why) in
        [(None, PASSWORD, "certificate"), (Some(&*ca), "falsch", "password authentication failed")]
    {
        let refused = list(ca, password);
        assert_eq!(refused.status.code(), Some(1));
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(error.contains(why) && !error.contains(password), "{error}");
    }
}
