//! A server of other people, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PROGRAM: &str = include_str!("../../peers/fastmcp_server.py");

/// Python takes a moment to load it all.
const LONGEST_START: Duration = Duration::from_secs(60);

/// A server that runs. It ends when it is dropped.
pub(super) struct Process {
    pub(super) url: String,
    /// Kept because the process ends with it.
    _child: Child,
}

impl Process {
    /// Starts one on a free loopback port that accepts this.
    pub(super) async fn start(
        python: &Path,
        folder: &Path,
        accepted: &Value,
    ) -> anyhow::Result<Self> {
        let program = folder.join("fastmcp_server.py");
        std::fs::write(&program, PROGRAM)?;
        let log = folder.join("fastmcp_server.log");
        let mut child = Command::new(python)
            .arg(&program)
            .env_clear()
            .env("HOME", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let mut stdin = child.stdin.take().context("it was piped")?;
        stdin.write_all(accepted.to_string().as_bytes()).await?;
        drop(stdin);
        let mut port = String::new();
        let stdout = child.stdout.take().context("it was piped")?;
        let mut stdout = BufReader::new(stdout);
        let read = timeout(LONGEST_START, stdout.read_line(&mut port)).await;
        if !matches!(read, Ok(Ok(1..))) {
            bail!("FastMCP does not start: {}", last_line(&log));
        }
        let port: u16 = port.trim().parse().context("FastMCP told no port")?;
        Ok(Self { url: format!("http://127.0.0.1:{port}/mcp"), _child: child })
    }
}

fn last_line(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it says nothing").to_owned()
}
