//! What came out of a load, as a table or as JSON.

use std::time::Duration;

use serde::Serialize;

use super::case::{Case, Sample};
use crate::percentile::percentile;
use crate::tables::table;
use crate::{Kind, Machine, Style};

const MEGABYTE: f64 = 1_000_000.0;

/// Servers under load, and how they started.
#[derive(Clone, Debug, Serialize)]
pub struct Loads {
    /// Where it was measured.
    pub machine: Machine,
    /// How soon each server answered.
    pub starts: Vec<Start>,
    /// One row for each case and number of connections.
    pub rows: Vec<LoadRow>,
}

/// One server under one kind of load.
#[derive(Clone, Debug, Serialize)]
pub struct LoadRow {
    /// What was sent where.
    pub case: String,
    /// The scheme, if there is one.
    pub scheme: Option<Kind>,
    /// The status of every answer.
    pub status: u16,
    /// How many connections, each with one request at a time.
    pub connections: usize,
    /// Answers a second, in each round.
    pub rounds: Vec<f64>,
    /// Answers a second, median of the rounds.
    pub per_second: f64,
    /// Half of the answers took no longer, in microseconds.
    pub p50_us: f64,
    /// Nine in ten took no longer.
    pub p90_us: f64,
    /// All but one in a hundred took no longer.
    pub p99_us: f64,
    /// Processor time of the server for each request in microseconds, with what the system did for
    /// it; median of the rounds. `None` where the system does not say it.
    pub cpu_us: Option<f64>,
    /// Memory of the server at the end, in megabytes.
    pub resident_mb: Option<f64>,
}

/// How soon a server answered after its process was started, with ten keys in its store.
#[derive(Clone, Debug, Serialize)]
pub struct Start {
    /// The scheme.
    pub scheme: Kind,
    /// Until the first 200, in milliseconds; median.
    pub first_answer_ms: f64,
    /// Memory then, in megabytes; median.
    pub resident_mb: Option<f64>,
}

impl LoadRow {
    pub(super) fn of(case: &Case, connections: usize, samples: Vec<Sample>) -> Self {
        let rate = |sample: &Sample| {
            sample.driven.latencies.len() as f64 / sample.driven.took.as_secs_f64()
        };
        let rounds: Vec<f64> = samples.iter().map(rate).collect();
        let cpu = samples.iter().filter_map(|sample| {
            Some(microseconds(sample.busy?) / sample.driven.latencies.len() as f64)
        });
        let at = |percent| {
            let each = samples.iter().map(|sample| &sample.driven.latencies);
            median(each.map(|times| microseconds(percentile(times, percent)))).unwrap_or_default()
        };
        Self {
            case: case.name.clone(),
            scheme: case.scheme,
            status: case.status,
            connections,
            per_second: median(rounds.iter().copied()).unwrap_or_default(),
            p50_us: at(50),
            p90_us: at(90),
            p99_us: at(99),
            cpu_us: median(cpu),
            resident_mb: samples.last().and_then(|last| last.resident).map(megabytes),
            rounds,
        }
    }

    /// How many times as many answers a second as another: the median over the rounds, in each of
    /// which both were measured.
    pub fn over(&self, other: &Self) -> f64 {
        let each = self.rounds.iter().zip(&other.rounds).map(|(own, other)| own / other);
        median(each).unwrap_or_default()
    }
}

impl Start {
    pub(super) fn of(scheme: Kind, took: Vec<Duration>, resident: Vec<u64>) -> Self {
        let took = took.into_iter().map(|took| microseconds(took) / 1_000.0);
        Self {
            scheme,
            first_answer_ms: median(took).unwrap_or_default(),
            resident_mb: median(resident.into_iter().map(megabytes)),
        }
    }
}

impl Loads {
    /// The row of a case.
    pub fn row(&self, case: &str, connections: usize) -> Option<&LoadRow> {
        self.rows.iter().find(|row| row.case == case && row.connections == connections)
    }

    /// Two tables.
    pub fn text(&self, style: Style) -> String {
        let head = [
            "under load",
            "connections",
            "status",
            "a second",
            "÷ open",
            "÷ rmcp",
            "p50",
            "p90",
            "p99",
            "CPU each",
            "memory",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(self.rows.iter().map(|row| self.cells(row)));
        let mut starts = vec![["start", "first answer", "memory then"].map(str::to_owned).to_vec()];
        starts.extend(self.starts.iter().map(|start| {
            let first = format!("{:.1} ms", start.first_answer_ms);
            vec![start.scheme.title().to_owned(), first, shown(start.resident_mb, "MB")]
        }));
        format!(
            "{}\n\n{}\n\nThe server has one thread and one processor, whoever sends has another. Audit, \
             limits and sessions are on, and the log is silent. ÷ open: beside our server without \
             authentication. ÷ rmcp: beside rmcp alone, with the allocator of the system.\n{}\n",
            table(rows, style),
            table(starts, style),
            self.machine.text(),
        )
    }

    fn cells(&self, row: &LoadRow) -> Vec<String> {
        let over = |case: &str| match self.row(case, row.connections) {
            Some(other) if row.status == other.status => format!("{:.2}", row.over(other)),
            _ => String::new(),
        };
        let time = |time: f64| format!("{time:.0} µs");
        vec![
            row.case.clone(),
            row.connections.to_string(),
            row.status.to_string(),
            format!("{:.0}", row.per_second),
            over(super::case::OPEN),
            over(super::case::RMCP),
            time(row.p50_us),
            time(row.p90_us),
            time(row.p99_us),
            shown(row.cpu_us, "µs"),
            shown(row.resident_mb, "MB"),
        ]
    }
}

fn shown(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.1} {unit}"))
}

/// Of an even number, the lower of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_one_of_the_values() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(1.0));
        assert_eq!(median(std::iter::empty()), None);
    }
}
