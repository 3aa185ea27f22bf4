//! What the figures were measured on.

use serde::Serialize;

/// Processor, system and build. It names no host.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub cpu: String,
    /// How many threads run at once.
    pub cores: usize,
    /// Operating system and architecture.
    pub system: String,
    /// `release`, or `debug`, whose figures mean nothing.
    pub build: &'static str,
}

impl Machine {
    /// The machine that this runs on.
    pub fn here() -> Self {
        Self {
            cpu: cpu().unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }

    /// On what something was measured, in a sentence.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Measured on {}, {} threads, {}, {} build.",
            self.cpu, self.cores, self.system, self.build
        );
        if !self.is_optimised() {
            text.push_str(
                " A debug build: these figures mean nothing. Run: cargo run --release -p compare",
            );
        }
        text
    }

    /// Whether its figures mean something.
    pub fn is_optimised(&self) -> bool {
        self.build == "release"
    }
}

/// Linux says it here; elsewhere nobody is asked.
fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
