//! One server in a process of its own: how it is started, and what the system says of it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

/// The processor of the servers, and the one of whoever sends. Where there is one alone, they
/// share it.
pub(super) const SERVERS_CORE: usize = 0;
pub(super) const SENDERS_CORE: usize = 1;

/// A server that runs. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts this program, which prints its URL and ends with its standard input.
    pub(super) fn start(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("TOKIO_WORKER_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("it was piped")?;
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url)?;
        let url = url.trim().to_owned();
        ensure!(!url.is_empty(), "{} {} did not start", program.display(), arguments.join(" "));
        let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
        let address = address.parse().with_context(|| format!("{url} is no address"))?;
        Ok(Self { url, address, child })
    }

    /// For how long it has had a processor, with what the system did for it. `None` where the
    /// system does not say it.
    pub(super) fn busy(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name of the program may hold spaces and ends with the last parenthesis.
        let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        let ticks = ticks()? + ticks()?;
        let per_second = rustix::param::clock_ticks_per_second();
        Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// How many bytes of memory it has in use.
    pub(super) fn resident(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kilobytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Lets the calling thread, and those that it starts, run on one processor alone, if there are two.
pub(super) fn stay_on(core: usize) {
    if std::thread::available_parallelism().map_or(1, std::num::NonZero::get) < 2 {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        let mut only = rustix::thread::CpuSet::new();
        only.set(core);
        // Where that is not allowed, the system decides, and figures scatter more.
        let _ = rustix::thread::sched_setaffinity(None, &only);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}
