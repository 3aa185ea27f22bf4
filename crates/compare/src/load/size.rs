//! How many processors and how much memory a number of requests takes.

use serde::Serialize;

use super::{LoadRow, Place};
use crate::{Kind, Machine};

/// How busy a processor may be, so that requests that come all at once do not wait long.
const BUSY: f64 = 0.6;

/// What a number of requests a second takes, from what was measured here.
#[derive(Clone, Debug, Serialize)]
pub struct Sizing {
    /// Where it was measured.
    pub machine: Machine,
    /// How many requests a second are wanted.
    pub requests: u64,
    /// What was measured.
    pub measured: LoadRow,
    /// Processor time of a request, in microseconds.
    pub cpu_us: f64,
    /// How many processors are busy all the time.
    pub busy_cores: f64,
    /// How many it takes, none of them busier than six tenths of the time.
    pub cores: u64,
    /// Memory of one server, in megabytes.
    pub memory_mb: Option<f64>,
}

impl Sizing {
    /// Measures one scheme, and reckons.
    ///
    /// # Errors
    /// The server does not start, or refuses, or the system does not say how busy it was.
    pub(crate) fn measure(requests: u64, kind: Kind, place: &Place) -> anyhow::Result<Self> {
        let measured = super::one(kind, place)?;
        // Where the system does not say it, the server had a processor all the time.
        let cpu_us = measured.cpu_us.unwrap_or(1e6 / measured.per_second);
        let busy_cores = requests as f64 * cpu_us / 1e6;
        let cores = (busy_cores / BUSY).ceil().max(1.0) as u64;
        let memory_mb = measured.resident_mb;
        let machine = Machine::here();
        Ok(Self { machine, requests, measured, cpu_us, busy_cores, cores, memory_mb })
    }

    /// A few lines for people.
    pub fn text(&self) -> String {
        let memory = match self.memory_mb {
            Some(memory) => format!("{memory:.0} MB"),
            None => "unknown here".to_owned(),
        };
        format!(
            "{} requests a second, {}:\n  processors  {} like this one ({:.1} busy all the time, each at \
             most {:.0} % of it)\n  memory      {memory} for each server\n\nMeasured: {:.1} µs of \
             processor time for a tools/call of get_time, {:.0} a second from one processor.\n\
             Assumed: every credential was seen before; the tool costs what get_time does, so add \
             what yours costs more; connections are kept open, without TLS; ten API keys (see \
             docs/operations.md for the memory of more); metrics and traces are off, audit is on.\n{}\n",
            self.requests,
            self.measured.case,
            self.cores,
            self.busy_cores,
            BUSY * 100.0,
            self.cpu_us,
            self.measured.per_second,
            self.machine.text(),
        )
    }
}
