//! All that a run found out.

use serde::Serialize;

use crate::situations::SITUATIONS;
use crate::{ABILITIES, Ability, Cost, Machine, Row, Style, World, measure, observe, tables};

/// All that a run found out, in the form that `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether every scheme did what is right in every situation.
    pub right: bool,
    /// What it was measured on.
    pub machine: Machine,
    /// What was observed.
    pub situations: Vec<Row>,
    /// What was measured.
    pub costs: Vec<Cost>,
    /// What holds without measuring.
    pub abilities: &'static [Ability],
}

impl Report {
    /// Lets every situation happen, then measures. `stage` is told what comes next.
    ///
    /// # Errors
    /// A measurement failed. What goes wrong in a situation is in its cell instead.
    pub async fn make(world: &World, stage: impl Fn(String)) -> anyhow::Result<Self> {
        let mut situations = Vec::with_capacity(SITUATIONS.len());
        for (number, situation) in (1..).zip(&SITUATIONS) {
            stage(format!("situation {number} of {}: {}", SITUATIONS.len(), situation.title));
            situations.push(observe(world, situation).await);
        }
        stage("measuring what each scheme costs".to_owned());
        Ok(Self {
            right: situations.iter().all(Row::is_right),
            machine: Machine::here(),
            costs: measure(world).await?,
            situations,
            abilities: &ABILITIES,
        })
    }

    /// The same as text.
    pub fn text(&self, style: Style) -> String {
        tables::text(self, style)
    }
}
