//! Servers that other people wrote, asked the same questions.
//!
//! A peer is set up as its documentation shows. What it does otherwise than we hold right is
//! shown in its own column, and is no failure of ours: where nothing is required, there may be
//! good reasons for both.

mod observe;
mod process;
mod side;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub(crate) use side::PeerSide;

use crate::situations::SITUATIONS;
use crate::{Call, Cell, World, installed};

/// All that was found out about a peer.
#[derive(Clone, Debug, Serialize)]
pub struct Peer {
    /// Its name in JSON.
    pub id: &'static str,
    /// What stands over its column.
    pub title: String,
    /// How it is set up.
    pub settings: &'static str,
    /// What was observed, by the name of the situation.
    pub situations: BTreeMap<&'static str, Cell>,
    /// One whole `tools/call` over a connection that is kept open.
    pub call: Call,
    /// Bytes that the credential adds to every request: the whole header line.
    pub bytes: usize,
}

/// Starts all peers.
///
/// # Errors
/// They are not installed, which is said in a sentence; or one does not start.
pub(crate) async fn start(world: &World) -> anyhow::Result<Result<Vec<PeerSide>, String>> {
    let python = match installed::python() {
        Ok(python) => python,
        Err(why) => return Ok(Err(why)),
    };
    let python: &Path = &python;
    Ok(Ok(vec![PeerSide::jwt(world, python).await?, PeerSide::fixed(world, python).await?]))
}

/// Lets every situation happen to a peer.
pub(crate) async fn observe(world: &World, peer: &PeerSide) -> BTreeMap<&'static str, Cell> {
    let mut cells = BTreeMap::new();
    for situation in &SITUATIONS {
        let cell = observe::observe(world, peer, situation.check).await;
        // What kept it from being observed is no right answer.
        let failed = |error| Cell::new("none", format!("{error:#}"), false);
        cells.insert(situation.id, cell.unwrap_or_else(failed));
    }
    cells
}
