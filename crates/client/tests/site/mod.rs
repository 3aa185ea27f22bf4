//! A server in this process and a client's real binary, for the tests of the clients.

use std::path::Path;
use std::process::{Command, Output};

use clap::Parser;
use serde_json::Value;
use serve::Server;
use tempfile::TempDir;

/// A server of its own, the folder of its keys, and the client that calls it.
pub(crate) struct Site {
    pub(crate) server: serve::Running,
    pub(crate) keys: TempDir,
    binary: &'static str,
}

impl Site {
    /// Starts the server whose keys are in this folder.
    pub(crate) async fn start<S: Server>(
        binary: &'static str,
        keys: TempDir,
        options: &S::Options,
    ) -> Self {
        let server = serve::launch_in_process::<S>(options).await.expect("a server");
        Self { server, keys, binary }
    }

    /// Runs the client as a user would, with nothing in its environment but its address.
    pub(crate) fn client(&self, arguments: &[&str]) -> Output {
        run(self.binary, self.keys.path(), &self.server.url(), arguments)
    }
}

/// Makes certificates in this folder, and says how a server serves with them.
pub(crate) fn tls(keys: &Path) -> serve::Transport {
    let folder = keys.to_str().expect("a path of letters");
    let command = keygen::cli::Cli::parse_from(["keygen", "--keys", folder, "cert"]);
    assert!(keygen::run(command).is_ok(), "no certificates");
    serve::Transport {
        tls_cert: Some(keys.join("tls_cert.pem")),
        tls_key: Some(keys.join("tls_key.pem")),
        ..serve::Transport::default()
    }
}

impl Site {
    /// A client is told who may be trusted, and of what it cannot trust.
    pub(crate) fn needs_its_ca(&self) {
        assert!(self.server.url().starts_with("https://"), "{}", self.server.url());
        let elsewhere = TempDir::new().expect("a folder");
        tls(elsewhere.path());
        let other = elsewhere.path().join("tls_ca.pem");
        for flags in [&["whoami"][..], &["whoami", "--ca", other.to_str().expect("letters")]] {
            let refused = self.client(flags);
            assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
            assert!(stderr(&refused).contains("--ca"), "{}", stderr(&refused));
        }
        let trusted = self.client(&["whoami", "--ca", "tls_ca.pem"]);
        assert_eq!(trusted.status.code(), Some(0), "{}", stderr(&trusted));
        assert!(stdout(&trusted).contains("bob"), "{}", stdout(&trusted));
    }
}

/// Runs a client that may find no server.
pub(crate) fn run(binary: &str, keys: &Path, url: &str, arguments: &[&str]) -> Output {
    Command::new(binary)
        .env_clear()
        .env("MCP_URL", url)
        .env("MCP_KEYS", keys)
        .current_dir(keys)
        .args(arguments)
        .output()
        .expect("the client runs")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

pub(crate) fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}
