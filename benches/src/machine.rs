//! On what was measured. Figures without it mean nothing.

use std::process::Command;
use std::{fmt, fs, thread};

use anyhow::Context;
use jiff::Zoned;
use jiff::civil::Date;

/// This machine, today.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The day of the run.
    pub date: Date,
    cpu: String,
    cores: usize,
    kernel: String,
    rustc: String,
    commit: String,
    /// Mean of running programs over the last five minutes, where the system says it.
    load: Option<String>,
}

impl Machine {
    /// Asks the system.
    ///
    /// # Errors
    /// It does not say how many processors there are, or what its kernel or rustc is called.
    pub fn this() -> anyhow::Result<Self> {
        Ok(Self {
            date: Zoned::now().date(),
            cpu: cpu().unwrap_or_else(|| "unknown processor".to_owned()),
            cores: thread::available_parallelism()
                .context("the system does not say how many processors it has")?
                .get(),
            kernel: said("uname", &["-srm"])?,
            rustc: said("rustc", &["--version"])?,
            // Without git, and outside a clone, it stays open.
            commit: said("git", &["describe", "--always", "--dirty"])
                .unwrap_or_else(|_| "unknown".to_owned()),
            load: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| text.split(' ').nth(1).map(str::to_owned)),
        })
    }

    /// The processor as part of a file name.
    pub fn slug(&self) -> String {
        let name = self.cpu.replace("(R)", "").replace("(TM)", "").replace("(tm)", "");
        let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("-").to_ascii_lowercase()
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, cpu, cores, kernel, rustc, commit, load } = self;
        writeln!(f, "# {date}, {cpu}\n")?;
        writeln!(f, "| | |\n|---|---|")?;
        writeln!(f, "| processor | {cpu}, {cores} cores |")?;
        writeln!(f, "| kernel | {kernel} |")?;
        writeln!(f, "| compiler | {rustc} |")?;
        writeln!(f, "| commit | {commit} |")?;
        if let Some(load) = load {
            writeln!(f, "| load | {load}; the benches alone are 1, and what is above is noise |")?;
        }
        Ok(())
    }
}

fn cpu() -> Option<String> {
    let linux = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    linux.or_else(|| said("sysctl", &["-n", "machdep.cpu.brand_string"]).ok())
}

fn said(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    anyhow::ensure!(output.status.success(), "{program} failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
