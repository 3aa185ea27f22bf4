//! How far audit files go, kept apart from them.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mcp_auth::audit::{Heads, KeptHeads};

use crate::session::Session;
use crate::{Ledger, Store, StoreError, row};

const TABLE: &str = "audit_heads";

/// Heads, by the names of their audits.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// Those that are to be written down.
    heads: HashMap<String, String>,
    /// Those of which one was written down before.
    known: HashSet<String>,
}

impl KeptHeads for Store {
    fn head(&self, name: &str) -> Result<Option<String>, String> {
        if let Some(head) = self.0.keeper.heads.lock().heads.get(name) {
            return Ok(Some(head.clone()));
        }
        (**self).head(name)
    }
}

impl Heads for Store {
    fn keep(&self, name: &str, head: String) {
        let mut waiting = self.0.keeper.heads.lock();
        waiting.heads.insert(name.to_owned(), head);
        // That there is such an audit is known at once, and how far it goes a little later.
        if waiting.known.insert(name.to_owned()) {
            self.0.write_now.ring();
        }
    }
}

impl KeptHeads for Ledger {
    fn head(&self, name: &str) -> Result<Option<String>, String> {
        let sql = "SELECT id, head FROM audit_heads WHERE id = ?1";
        let head = self.read(|session| session.first(TABLE, "head", sql, &[name.into()]));
        head.map_err(|error| error.to_string())
    }
}

impl Kept {
    /// Takes all of them.
    pub(crate) fn take(&self) -> HashMap<String, String> {
        mem::take(&mut self.lock().heads)
    }

    /// Puts back what was taken and could not be written, unless there is a newer one.
    pub(crate) fn put_back(&self, heads: HashMap<String, String>) {
        let mut kept = self.lock();
        for (name, head) in heads {
            kept.heads.entry(name).or_insert(head);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn write(
    session: &Session<'_>,
    heads: &HashMap<String, String>,
) -> Result<(), StoreError> {
    let now = row::time(Timestamp::now());
    for (name, head) in heads {
        let sql = "INSERT INTO audit_heads (id, head, kept) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET head = excluded.head, kept = excluded.kept";
        session.execute(sql, &[name.into(), head.into(), (&now).into()])?;
    }
    Ok(())
}
