//! A server in this process and a client's real binary, for the tests of the clients.

use std::path::Path;
use std::process::{Command, Output};

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
