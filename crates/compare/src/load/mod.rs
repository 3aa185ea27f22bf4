//! What protection costs a server that is busy: real connections, and the servers in processes of
//! their own, each with one processor to itself where there are two.
//!
//! Reading order: `case` is what is sent to which server, `process` one of them in its process,
//! `serve` what goes on in it, `drive` whoever sends, [`Loads`] what came out, and [`Sizing`] what
//! that means for a number of requests.

mod case;
mod drive;
mod process;
mod report;
mod serve;
mod size;

use std::time::Duration;

pub(crate) use case::Place;
pub use report::{LoadRow, Loads, Start};
pub(crate) use serve::{Served, serve};
pub use size::Sizing;

use crate::{Kind, Machine};

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How long each server is under load in one round.
    pub(crate) lasts: Duration,
    /// How often each is.
    pub(crate) rounds: usize,
    /// With how many connections, one after the other.
    pub(crate) connections: Vec<usize>,
}

/// Before every measurement, until connections, memory and processor have settled.
const WARM_UP: Duration = Duration::from_millis(200);
const STARTS: usize = 5;
/// Of one scheme alone.
const CONNECTIONS: usize = 16;

/// Starts all servers, and sends them load in turn: in every round each is under load once, so that
/// whatever else the machine does falls on all alike.
///
/// # Errors
/// A server does not start, or answers something else than it should.
pub(crate) fn measure(place: &Place, plan: &Plan, next: impl Fn(String)) -> anyhow::Result<Loads> {
    next("starting each server some times".to_owned());
    let starts = place.starts(STARTS)?;
    let cases = place.cases()?;
    let mut rows = Vec::new();
    for &connections in &plan.connections {
        let mut samples = vec![Vec::new(); cases.len()];
        for round in 1..=plan.rounds {
            for (case, samples) in cases.iter().zip(&mut samples) {
                next(format!(
                    "{connections} connections, round {round} of {}: {}",
                    plan.rounds, case.name
                ));
                case.send(connections, WARM_UP)?;
                samples.push(case.send(connections, plan.lasts)?);
            }
        }
        let measured = cases.iter().zip(samples);
        rows.extend(measured.map(|(case, samples)| LoadRow::of(case, connections, samples)));
    }
    Ok(Loads { machine: Machine::here(), starts, rows })
}

/// One scheme alone, for as long as it takes to know its cost.
///
/// # Errors
/// As for [`measure`].
fn one(kind: Kind, place: &Place) -> anyhow::Result<LoadRow> {
    let case = place.case_of(kind)?;
    let mut samples = Vec::new();
    for _ in 0..STARTS {
        case.send(CONNECTIONS, WARM_UP)?;
        samples.push(case.send(CONNECTIONS, Duration::from_secs(1))?);
    }
    Ok(LoadRow::of(&case, CONNECTIONS, samples))
}
