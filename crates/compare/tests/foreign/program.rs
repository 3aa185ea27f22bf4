//! The clients of other people, and how they are started.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::seen::Seen;
use crate::steps::Step;

/// A client that somebody else wrote.
#[derive(Debug)]
pub(crate) struct Program {
    /// What people call it.
    pub(crate) title: &'static str,
    /// Its package, as the program in `compare/foreign` reports it.
    pub(crate) package: &'static str,
    /// That program.
    script: &'static str,
    /// How it can be told to choose the protocol, the newest first, and what it then speaks.
    pub(crate) modes: &'static [(&'static str, &'static str)],
    /// Whether its errors hold the server's advice for a program that catches them.
    pub(crate) keeps: bool,
    /// What it says in place of the server's sentence, where it hides that.
    pub(crate) hides: &'static [&'static str],
}

pub(crate) const PYTHON_SDK: Program = Program {
    title: "Python SDK",
    package: "mcp",
    script: "mcp_client.py",
    modes: &[("auto", "2026-07-28"), ("legacy", "2025-11-25")],
    keeps: true,
    hides: &[],
};

pub(crate) const FASTMCP: Program = Program {
    title: "FastMCP",
    package: "fastmcp",
    script: "fastmcp_client.py",
    modes: &[("auto", "2026-07-28"), ("legacy", "2025-11-25")],
    keeps: true,
    hides: &[],
};

pub(crate) const TYPESCRIPT_V1: Program = Program {
    title: "TypeScript SDK v1",
    package: "@modelcontextprotocol/sdk",
    script: "sdk_v1.cjs",
    modes: &[("legacy", "2025-11-25")],
    keeps: false,
    hides: &[],
};

pub(crate) const TYPESCRIPT_V2: Program = Program {
    title: "TypeScript SDK v2",
    package: "@modelcontextprotocol/client",
    script: "sdk_v2.cjs",
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
    modes: &[("modern", "2026-07-28"), ("legacy", "2025-11-25")],
    keeps: false,
    hides: &[
        r#"{"error":{"code":"auth_required","message":"Version negotiation failed: the server requires authorization (HTTP 401)"}}"#,
        // It looks into the list, and does not ask.
        r#"{"error":{"code":"tool_not_found","message":"Tool 'remove_shopping_item' not found on server."}}"#,
        r#"{"error":{"code":"tool_not_found","message":"Tool 'crm_summary' not found on server."}}"#,
    ],
};

impl Program {
    /// Takes these steps. The credentials go to standard input.
    pub(crate) async fn run(&'static self, folder: &Path, steps: &[Step]) -> Vec<Seen> {
        let input = json!({ "steps": steps }).to_string();
        let mut command = self.command(folder);
        let output = tokio::task::spawn_blocking(move || {
            // Neither the user's settings nor what these programs keep at home.
            let home = tempfile::tempdir().unwrap();
            let mut child = command.env("HOME", home.path()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            child.wait_with_output().unwrap()
        });
        let output = output.await.unwrap();
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
        let pins = std::fs::read_to_string(scripts().join(match self.is_python() {
            true => "requirements.txt",
            false => "package.json",
        }));
        let pins = pins.unwrap();
        if !self.is_python() {
            let pins: Value = serde_json::from_str(&pins).unwrap();
            return pins["dependencies"][self.package].as_str().unwrap().to_owned();
        }
        let pin =
            |line: &str| line.strip_prefix(self.package)?.strip_prefix("==").map(str::to_owned);
        pins.lines().find_map(pin).unwrap()
    }

    fn command(&self, folder: &Path) -> Command {
        let runtime = if self.is_python() { "python/bin/python" } else { "js/bin/node" };
        let mut command = Command::new(folder.join(runtime));
        command.arg(scripts().join(self.script)).env_clear();
        command.env("NODE_PATH", folder.join("js/node_modules"));
        // Nothing is left beside the scripts, nor in a keyring.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("MCP_INSPECTOR_SECRET_STORE", "memory");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn is_python(&self) -> bool {
        self.script.ends_with(".py")
    }
}

/// Where `scripts/foreign.sh` put them, or why they are not tried here.
pub(crate) fn installed() -> Result<PathBuf, String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let folder = cache.ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("mcp-auth/foreign");
    for (pins, copy) in [
        ("requirements.txt", "python/requirements.txt"),
        ("package-lock.json", "js/installed-lock.json"),
    ] {
        let copy = std::fs::read(folder.join(copy)).ok();
        if copy.is_none() || copy != std::fs::read(scripts().join(pins)).ok() {
            return Err(format!(
                "what {pins} pins is not in {}; to install it: scripts/foreign.sh",
                folder.display()
            ));
        }
    }
    Ok(folder)
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign")
}
