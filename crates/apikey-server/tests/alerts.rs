//! The rules of `docs/alerts.yml`, each made to fire by a real server that a real Prometheus
//! scrapes, and not before.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../../serve/tests/binary/mod.rs"]
mod binary;
#[path = "alerts/prometheus.rs"]
mod prometheus;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use binary::Server;
use mcp_auth::authn::apikey::PlainKey;
use prometheus::Prometheus;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tempfile::TempDir;

const EXE: &str = env!("CARGO_BIN_EXE_apikey-server");

struct Watched {
    prometheus: Prometheus,
    server: Server,
    bob: String,
    folder: TempDir,
}

impl Watched {
    /// A server with bob's key, and a Prometheus that watches it.
    fn start(flags: &[&str]) -> Option<Self> {
        Self::start_by(EXE, &[], flags)
    }

    /// The same, started by another program.
    fn start_by(exe: &str, before: &[&str], flags: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut all = before.to_vec();
        all.extend(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
        all.extend(["--trusted-proxy", "127.0.0.1"]);
        all.extend(flags);
        let server = Server::start(exe, folder.path(), &all, &[]);
        let metrics = server.banner.split_once("metrics     http://").unwrap().1;
        let metrics = metrics.split_once("/metrics").unwrap().0;
        let prometheus = Prometheus::start(folder.path(), metrics)?;
        let bob = fs::read_to_string(folder.path().join("keys/clients/bob.apikey"));
        let bob = bob.map(|key| key.trim().to_owned()).unwrap_or_default();
        Some(Self { prometheus, server, bob, folder })
    }

    /// Calls a tool with this key, from the address of that number; its status.
    fn call(&self, key: &str, from: u32) -> u16 {
        let address = Ipv4Addr::from_bits(0xC000_0200 + from);
        let headers = format!("x-api-key: {key}\r\nx-forwarded-for: {address}");
        self.server.call(&headers, "get_time", "{}").status
    }

    /// Lets the server write no longer audit file, as if the disk were full.
    fn fill_the_disk(&self) {
        let length = fs::metadata(self.folder.path().join("audit.log")).unwrap().len();
        let pid = Pid::from_raw(self.server.child.id().try_into().unwrap());
        let limit = Rlimit { current: Some(length), maximum: None };
        prlimit(pid, Resource::Fsize, limit).unwrap();
    }

    /// Sends a request without a credential; its status.
    fn call_without(&self) -> u16 {
        self.server.send("POST", "/mcp", &["content-type: application/json"], "{}").status
    }
}

#[test]
fn a_spike_of_refusals_fires() {
    let Some(it) = Watched::start(&[]) else { return };
    // One in twenty is nothing unusual.
    for number in 0..40 {
        assert_eq!(it.call(&it.bob, 1), 200);
        if number % 20 == 0 {
            assert_eq!(it.call_without(), 401);
        }
    }
    it.prometheus.is_quiet();
    it.prometheus.fires_while("McpAuthRefusals", || {
        for _ in 0..10 {
            assert_eq!(it.call_without(), 401);
        }
    });
}

#[test]
fn an_address_that_tries_keys_fires() {
    let Some(it) = Watched::start(&["--failure-limit", "60/min,5"]) else { return };
    let guess = || PlainKey::mint().reveal().to_owned();
    for from in 1..=4 {
        for _ in 0..4 {
            assert_eq!(it.call(&guess(), from), 401, "as many as it may");
            assert_eq!((it.call(&it.bob, 1), it.call(&it.bob, 1)), (200, 200));
        }
    }
    it.prometheus.is_quiet();
    let mut slower = 0;
    for _ in 0..12 {
        slower += u32::from(it.call(&guess(), 1) == 429);
        assert_eq!((it.call(&it.bob, 1), it.call(&it.bob, 1)), (200, 200));
    }
    assert!(slower > 0, "it was not slowed down");
    it.prometheus.fires("McpAuthAddressFails");
}

#[test]
fn a_key_that_is_used_from_many_addresses_fires() {
    let Some(it) = Watched::start(&[]) else { return };
    let use_from = |addresses: std::ops::RangeInclusive<u32>| {
        for from in addresses {
            assert_eq!(it.call(&it.bob, from), 200);
        }
    };
    use_from(1..=4);
    use_from(1..=4);
    it.prometheus.is_quiet();
    use_from(5..=5);
    it.prometheus.fires("McpAuthManyAddresses");
}

#[test]
fn a_certificate_that_ends_soon_fires() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 90);
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let flags = ["--tls-cert", &file("cert.pem"), "--tls-key", &file("key.pem")];
    let Some(it) = Watched::start(&flags) else { return };
    it.prometheus.is_quiet();
    // The server takes up the new one by itself.
    certificate(folder.path(), 6);
    it.prometheus.fires("McpAuthExpiry");
}

#[test]
fn a_key_that_ends_soon_fires() {
    let Some(it) = Watched::start(&[]) else { return };
    let create = |name: &str, expires: &str| {
        let keys = it.folder.path().join("keys");
        let cli = ["keygen", "--keys", keys.to_str().unwrap(), "apikey", "create"];
        let cli = cli.into_iter().chain(["--owner", "bob", "--name", name, "--expires", expires]);
        keygen::run(clap::Parser::parse_from(cli)).unwrap();
    };
    create("long", "30d");
    it.prometheus.is_quiet();
    create("short", "2d");
    it.prometheus.fires("McpAuthExpiry");
}

#[test]
fn an_audit_file_that_cannot_be_written_fires() {
    let Some(it) = start_audited("required") else { return };
    it.prometheus.is_quiet();
    it.fill_the_disk();
    it.prometheus.fires_while("McpAuthAudit", || {
        it.call_without();
    });
    assert_eq!(it.call(&it.bob, 1), 503);
}

#[test]
fn decisions_that_are_lost_fire() {
    let Some(it) = start_audited("best-effort") else { return };
    it.prometheus.is_quiet();
    it.fill_the_disk();
    it.prometheus.fires_while("McpAuthAudit", || assert_eq!(it.call(&it.bob, 1), 200));
}

fn start_audited(mode: &str) -> Option<Watched> {
    // Whoever writes more than it may is killed, unless that signal is ignored.
    let script = r#"trap "" XFSZ; exec "$0" "$@""#;
    let it = Watched::start_by(
        "/bin/sh",
        &["-c", script, EXE],
        &["--audit-file", "audit.log", "--audit", mode],
    )?;
    assert_eq!(it.call(&it.bob, 1), 200);
    Some(it)
}

/// A certificate and its key, good for so many days.
fn certificate(folder: &Path, days: u32) {
    let made = keygen::cert::generate(&[], days).unwrap();
    fs::write(folder.join("cert.pem"), &made.cert_pem).unwrap();
    mcp_auth::secret::write(&folder.join("key.pem"), &made.key_pem, true).unwrap();
}
