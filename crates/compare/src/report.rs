//! All that a run found out.

use serde::Serialize;

use crate::costs::{line_length, measure_beside};
use crate::peers::{self, PeerSide};
use crate::situations::SITUATIONS;
use crate::{ABILITIES, Ability, Cost, Machine, Peer, Row, Style, World, observe, tables};

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
    /// Servers of other people, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Peers>,
}

/// Servers of other people, or why they are left out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Peers {
    /// What was found out about each.
    Seen(Vec<Peer>),
    /// What is missing, and how to install it.
    LeftOut(String),
}

impl Report {
    /// Lets every situation happen, then measures. `stage` is told what comes next.
    ///
    /// # Errors
    /// A measurement failed. What goes wrong in a situation is in its cell instead.
    pub async fn make(world: &World, stage: impl Fn(String)) -> anyhow::Result<Self> {
        Self::beside(world, &[], stage).await
    }

    /// The same, beside the servers of other people, if they are installed.
    ///
    /// # Errors
    /// A measurement failed, or one of those servers does not start.
    pub async fn with_peers(world: &World, stage: impl Fn(String)) -> anyhow::Result<Self> {
        stage("starting the servers of other people".to_owned());
        let sides = match peers::start(world).await? {
            Ok(sides) => sides,
            Err(why) => {
                let peers = Some(Peers::LeftOut(why));
                return Ok(Self { peers, ..Self::make(world, stage).await? });
            }
        };
        Self::beside(world, &sides, stage).await
    }

    async fn beside(
        world: &World,
        sides: &[PeerSide],
        stage: impl Fn(String),
    ) -> anyhow::Result<Self> {
        let mut situations = Vec::with_capacity(SITUATIONS.len());
        for (number, situation) in (1..).zip(&SITUATIONS) {
            stage(format!("situation {number} of {}: {}", SITUATIONS.len(), situation.title));
            situations.push(observe(world, situation).await);
        }
        let mut seen = Vec::new();
        for side in sides {
            stage(format!("the same situations at {}", side.title));
            seen.push(peers::observe(world, side).await);
        }
        stage("measuring what each scheme costs".to_owned());
        let others: Vec<_> = sides.iter().map(|side| (side.url.as_str(), &side.bob)).collect();
        let (costs, calls) = measure_beside(world, &others).await?;
        let peers = sides.iter().zip(seen).zip(calls).map(|((side, situations), call)| Peer {
            id: side.id,
            title: side.title.clone(),
            settings: side.settings,
            situations,
            call,
            bytes: line_length(&side.bob),
        });
        Ok(Self {
            right: situations.iter().all(Row::is_right),
            machine: Machine::here(),
            costs,
            situations,
            abilities: &ABILITIES,
            peers: (!sides.is_empty()).then(|| Peers::Seen(peers.collect())),
        })
    }

    /// The servers of other people that were asked.
    pub(crate) fn peers(&self) -> &[Peer] {
        match &self.peers {
            Some(Peers::Seen(peers)) => peers,
            Some(Peers::LeftOut(_)) | None => &[],
        }
    }

    /// The same as text.
    pub fn text(&self, style: Style) -> String {
        tables::text(self, style)
    }
}
