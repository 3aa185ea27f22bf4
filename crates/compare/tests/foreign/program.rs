//! The clients of other people, and how they are started.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use compare::installed;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::seen::Seen;
use crate::steps::Step;

/// Much longer than all steps of a client take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A client that somebody else wrote.
#[derive(Debug)]
pub(crate) struct Program {
    /// What people call it.
    pub(crate) title: &'static str,
    /// Its package, as the program in `compare/foreign` reports it.
    pub(crate) package: &'static str,
    /// That program, and what it runs on.
    script: &'static str,
    runtime: Runtime,
    /// How it can be told to choose the protocol, the newest first, and what it then speaks.
    pub(crate) modes: &'static [(&'static str, &'static str)],
    /// Whether its errors hold the server's advice for a program that catches them.
    pub(crate) keeps: bool,
    /// What it says in place of the server's sentence, where it hides that.
    pub(crate) hides: &'static [&'static str],
}

#[derive(Clone, Copy, Debug)]
enum Runtime {
    Python,
    /// Another environment: the two lines of the SDK have one name.
    PythonV1,
    Node,
}

pub(crate) const PYTHON_V1: Program = Program {
    title: "Python SDK v1",
    package: "mcp",
    script: "mcp_v1_client.py",
    runtime: Runtime::PythonV1,
    modes: &[("legacy", "2025-11-25")],
    keeps: false,
    hides: &[
        "httpx.HTTPStatusError: Client error '401 Unauthorized' for url \
         'http://127.0.0.1:<port>/mcp'\nFor more information check: \
         https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/401",
        "httpx.HTTPStatusError: Client error '403 Forbidden' for url \
         'http://127.0.0.1:<port>/mcp'\nFor more information check: \
         https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/403",
    ],
};

pub(crate) const PYTHON_V2: Program = Program {
    title: "Python SDK v2",
    package: "mcp",
    script: "mcp_client.py",
    runtime: Runtime::Python,
    modes: &[("auto", "2026-07-28"), ("legacy", "2025-11-25")],
    keeps: true,
    hides: &[],
};

pub(crate) const FASTMCP: Program = Program {
    title: "FastMCP",
    package: "fastmcp",
    script: "fastmcp_client.py",
    runtime: Runtime::Python,
    modes: &[("auto", "2026-07-28"), ("legacy", "2025-11-25")],
    keeps: true,
    hides: &[],
};

pub(crate) const TYPESCRIPT_V1: Program = Program {
    title: "TypeScript SDK v1",
    package: "@modelcontextprotocol/sdk",
    script: "sdk_v1.cjs",
    runtime: Runtime::Node,
    modes: &[("legacy", "2025-11-25")],
    keeps: false,
    hides: &[],
};

pub(crate) const TYPESCRIPT_V2: Program = Program {
    title: "TypeScript SDK v2",
    package: "@modelcontextprotocol/client",
    script: "sdk_v2.cjs",
    runtime: Runtime::Node,
    modes: &[("auto", "2026-07-28"), ("legacy", "2025-11-25")],
    keeps: true,
    hides: &[
        "SdkHttpError: Version negotiation failed: the server requires authorization (HTTP 401)",
        "InsufficientScopeError: Insufficient scope: required \"shopping:remove\"",
    ],
};

pub(crate) const INSPECTOR: Program = Program {
    title: "MCP Inspector, command line",
    package: "@modelcontextprotocol/inspector",
    script: "inspector.cjs",
    runtime: Runtime::Node,
    modes: &[("modern", "2026-07-28"), ("legacy", "2025-11-25")],
    keeps: false,
    hides: &[
        r#"{"error":{"code":"auth_required","message":"Version negotiation failed: the server requires authorization (HTTP 401)"}}"#,
        // It looks into the list, and does not ask.
        r#"{"error":{"code":"tool_not_found","message":"Tool 'remove_shopping_item' not found on server."}}"#,
        r#"{"error":{"code":"tool_not_found","message":"Tool 'crm_summary' not found on server."}}"#,
    ],
};

/// Where they are, and what they run on.
pub(crate) struct Installed {
    python: PathBuf,
    python_v1: PathBuf,
    node: PathBuf,
    packages: PathBuf,
}

impl Installed {
    pub(crate) fn find() -> Result<Self, String> {
        let (node, packages) = installed::javascript()?;
        let (python, python_v1) = (installed::python()?, installed::python_v1()?);
        Ok(Self { python, python_v1, node, packages })
    }
}

impl Program {
    /// Takes these steps. The credentials go to standard input.
    pub(crate) async fn run(&'static self, clients: &Installed, steps: &[Step]) -> Vec<Seen> {
        let input = json!({ "steps": steps }).to_string();
        // Neither the user's settings nor what these programs keep at home.
        let home = tempfile::tempdir().unwrap();
        let mut child = self.command(clients).env("HOME", home.path()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{} hangs", self.script)).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}\n{text}{errors}", self.script, output.status);
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut lines = lines.collect::<Vec<_>>().into_iter();
        let version = lines.next().unwrap()["client"].clone();
        let seen: Vec<Seen> = lines.map(|line| serde_json::from_value(line).unwrap()).collect();
        assert_eq!(version, format!("{} {}", self.package, self.version()), "not what is pinned");
        assert_eq!(seen.len(), steps.len(), "{}: {text}{errors}", self.script);
        seen
    }

    /// The version that is pinned, and so the one that was installed.
    pub(crate) fn version(&self) -> String {
        match self.runtime {
            Runtime::Python => installed::python_version(self.package).unwrap().to_owned(),
            Runtime::PythonV1 => installed::python_v1_version(self.package).unwrap().to_owned(),
            Runtime::Node => {
                let pins = std::fs::read_to_string(scripts().join("package.json")).unwrap();
                let pins: Value = serde_json::from_str(&pins).unwrap();
                pins["dependencies"][self.package].as_str().unwrap().to_owned()
            }
        }
    }

    fn command(&self, clients: &Installed) -> Command {
        let runtime = match self.runtime {
            Runtime::Python => &clients.python,
            Runtime::PythonV1 => &clients.python_v1,
            Runtime::Node => &clients.node,
        };
        let mut command = Command::new(runtime);
        command.arg(scripts().join(self.script)).env_clear();
        command.env("NODE_PATH", &clients.packages);
        // Nothing is left beside the scripts, nor in a keyring.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("MCP_INSPECTOR_SECRET_STORE", "memory");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign")
}
