//! Writes what the last run of `cargo bench` measured as a file to keep.
//!
//! `results <folder> [<seconds since 1970>]` writes `<folder>/<date>-<cpu>.md` and prints its
//! name. With a moment, figures from before it are left out. `scripts/bench.sh` calls it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{env, fs, io};

use anyhow::{Context, bail};
use benches::{Figures, Machine, criterion_folder};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        bail!("say into which folder; run: scripts/bench.sh");
    };
    let since = match arguments.next() {
        None => SystemTime::UNIX_EPOCH,
        Some(text) => {
            let seconds = text.to_str().and_then(|text| text.parse().ok());
            let seconds = seconds.context("the second argument is seconds since 1970")?;
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
        }
    };
    let measured = criterion_folder().context("nothing was measured yet; run: cargo bench")?;
    let figures = Figures::read(&measured, since)?;
    let machine = Machine::this()?;

    let file = folder.join(format!("{}-{}.md", machine.date, machine.slug()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&file, format!("{machine}{figures}"))
        .with_context(|| format!("cannot write {}", file.display()))?;
    writeln!(io::stdout(), "{}", file.display())?;
    Ok(())
}
