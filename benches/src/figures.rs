//! What criterion measured, as tables: one for each question.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Question;

/// The medians of one run.
#[derive(Debug)]
pub struct Figures(BTreeMap<String, Vec<Figure>>);

#[derive(Debug)]
struct Figure {
    measured: SystemTime,
    name: String,
    /// All in nanoseconds.
    median: f64,
    low: f64,
    high: f64,
}

impl Figures {
    /// Reads the folder that criterion wrote, leaving out what is older than `since`.
    ///
    /// # Errors
    /// It cannot be read, or nothing in it is new enough.
    pub fn read(criterion: &Path, since: SystemTime) -> anyhow::Result<Self> {
        let mut groups: BTreeMap<String, Vec<Figure>> = BTreeMap::new();
        for group in folders(criterion)? {
            for bench in folders(&group)? {
                let new = bench.join("new");
                let estimates = new.join("estimates.json");
                let Ok(metadata) = fs::metadata(&estimates) else { continue };
                let measured = metadata.modified()?;
                if measured < since {
                    continue;
                }
                let Benchmark { group_id, function_id, value_str } =
                    json(&new.join("benchmark.json"))?;
                let Estimates { median } = json(&estimates)?;
                groups.entry(group_id).or_default().push(Figure {
                    measured,
                    name: function_id.or(value_str).unwrap_or_default(),
                    median: median.point_estimate,
                    low: median.confidence_interval.lower_bound,
                    high: median.confidence_interval.upper_bound,
                });
            }
        }
        if groups.is_empty() {
            bail!("{} holds no new figures; run: cargo bench", criterion.display());
        }
        for figures in groups.values_mut() {
            // The order in which the benches stand in the source.
            figures.sort_by_key(|figure| figure.measured);
        }
        Ok(Self(groups))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for question in Question::ALL {
            if let Some(figures) = self.0.get(question.group) {
                write_table(f, question, figures)?;
            }
        }
        Ok(())
    }
}

fn write_table(f: &mut fmt::Formatter<'_>, question: Question, figures: &[Figure]) -> fmt::Result {
    let Question { group, asks, baseline } = question;
    let base = figures.iter().find(|figure| figure.name == baseline).map(|base| base.median);
    writeln!(f, "\n## {asks}\n\n`{group}`\n")?;
    writeln!(f, "| | median | 95 % interval | × {baseline} |\n|---|--:|--:|--:|")?;
    for Figure { name, median, low, high, .. } in figures {
        let mut ratio = String::new();
        if let Some(base) = base {
            write!(ratio, "{:.2}", median / base)?;
        }
        let [median, low, high] = [median, low, high].map(|figure| time(*figure));
        writeln!(f, "| {name} | {median} | {low} to {high} | {ratio} |")?;
    }
    Ok(())
}

/// Three digits and a unit.
fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns => (ns / 1e6, "ms"),
    };
    let places = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.places$} {unit}")
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    confidence_interval: Interval,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let paths: Vec<_> = paths.collect::<std::io::Result<_>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_reader(file).with_context(|| format!("{} is damaged", path.display()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn measured(folder: &Path, bench: &str, median: f64) {
        let new = folder.join("any").join(bench).join("new");
        fs::create_dir_all(&new).unwrap();
        let group = Question::VERIFY_ACCEPTED.group;
        let name = format!(r#"{{"group_id":"{group}","function_id":"{bench}","value_str":null}}"#);
        fs::write(new.join("benchmark.json"), name).unwrap();
        let interval = format!(r#"{{"lower_bound":{median},"upper_bound":{median}}}"#);
        let median = format!(r#"{{"point_estimate":{median},"confidence_interval":{interval}}}"#);
        fs::write(new.join("estimates.json"), format!(r#"{{"median":{median}}}"#)).unwrap();
    }

    #[test]
    fn a_table_has_medians_and_ratios() {
        let folder = tempfile::tempdir().unwrap();
        measured(folder.path(), "apikey", 451.2);
        measured(folder.path(), "jwt rs256", 18_049.0);
        let text = Figures::read(folder.path(), SystemTime::UNIX_EPOCH).unwrap().to_string();
        assert!(text.contains(Question::VERIFY_ACCEPTED.asks), "{text}");
        let apikey = "| apikey | 451 ns | 451 ns to 451 ns | 1.00 |";
        let rs256 = "| jwt rs256 | 18.0 µs | 18.0 µs to 18.0 µs | 40.00 |";
        assert!(text.contains(&format!("{apikey}\n{rs256}\n")), "{text}");
    }

    #[test]
    fn what_is_older_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        measured(folder.path(), "apikey", 451.2);
        let later = SystemTime::now() + Duration::from_secs(60);
        let error = Figures::read(folder.path(), later).unwrap_err().to_string();
        assert!(error.contains("cargo bench"), "{error}");
    }
}
