//! The hostile table: what is done, by whom it is judged, and one run over one server.

mod answer;
pub(crate) mod attack;
mod callers;
mod confusion;
mod endpoint;
pub(crate) mod forge;
mod forms;
mod headers;
mod inside;
pub(crate) mod judge;
mod library;
pub(crate) mod life;
mod order;
mod origin;
mod paths;
mod profile;
pub(crate) mod raw;
mod revocation;
pub(crate) mod revoked;
mod rotation;
mod sessions;
mod size;
mod tokens;
mod ways;

use std::collections::BTreeSet;

use attack::Attack;
use compare::{Kind, Side};
use forge::Forge;
use raw::Raw;

/// What came of the whole table against one server.
#[derive(Default)]
pub(crate) struct Run {
    /// Requests that ask for what they must not get.
    pub(crate) hostile: usize,
    /// Those of them that were refused as they should be.
    pub(crate) refused: usize,
    /// Those for which something was done.
    pub(crate) through: usize,
    /// What was not as it should be, in words.
    pub(crate) wrong: Vec<String>,
    /// The traps that were tried.
    pub(crate) traps: BTreeSet<&'static str>,
    /// The rows, by trap and name.
    pub(crate) rows: BTreeSet<(&'static str, String)>,
}

/// All rows against one scheme.
pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    [
        tokens::attacks,
        profile::attacks,
        headers::attacks,
        size::attacks,
        order::attacks,
        paths::attacks,
        endpoint::attacks,
        forms::attacks,
        revocation::attacks,
        sessions::attacks,
        life::attacks,
        revoked::attacks,
        origin::attacks,
        confusion::attacks,
        ways::attacks,
        rotation::attacks,
        inside::attacks,
    ]
    .into_iter()
    .flat_map(|attacks| attacks(kind))
    .collect()
}

/// Does it all, one after the other, and then sends a request that is good.
pub(crate) async fn run(side: &Side, forge: &Forge) -> Run {
    let kind = side.kind;
    let mut run = Run::default();
    for attack in attacks(kind) {
        let is_hostile = attack.expected.is_hostile();
        run.hostile += usize::from(is_hostile);
        run.traps.insert(attack.trap);
        let judged = match attack.carry_out(side, forge).await {
            Ok(answer) => {
                run.through += usize::from(is_hostile && judge::got_through(&answer));
                judge::judge(attack.expected, side, forge, &answer)
            }
            Err(why) => Err(why),
        };
        match judged {
            Ok(()) => run.refused += usize::from(is_hostile),
            Err(why) => run.wrong.push(format!("{} {kind}: {}: {why}", attack.trap, attack.name)),
        }
        if !run.rows.insert((attack.trap, attack.name.clone())) {
            run.wrong.push(format!("{} {kind}: {} is there twice", attack.trap, attack.name));
        }
    }
    let good = Raw::call(side).present(&side.bob).send(side).await;
    if good.status != 200 {
        run.wrong.push(format!("{kind} no longer answers a good request: {}", good.whole()));
    }
    run
}
