//! A ledger that answers from memory.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use mcp_auth::Rejection;

use crate::keeper::Keeper;
use crate::latest::Latest;
use crate::readers::Readers;
use crate::watch::{Bell, Watch, bell};
use crate::{Ledger, Memory, StoreError, keeper, metrics};

/// A [`Ledger`], and what it says in memory, which follows it: for servers. Clones share it.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    ledger: Ledger,
    pub(crate) readers: Arc<Readers>,
    pub(crate) latest: Arc<Latest>,
    pub(crate) keeper: Arc<Keeper>,
    /// Lets the keeper write before its time.
    pub(crate) write_now: Bell,
    /// Held for their threads. They are two, so that nobody who waits for a turn to write keeps a
    /// revocation from being seen.
    _watches: [Watch; 2],
}

impl Deref for Store {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.0.ledger
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Not where it would have to be waited for in vain.
        if self.latest.is_absent().is_ok() {
            self.keeper.write();
        }
    }
}

impl Store {
    /// Opens it as [`Ledger::open`] does, and reads it.
    ///
    /// # Errors
    /// As for [`Ledger::open`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Memory::default())
    }

    /// The same, with other limits for what is kept in memory.
    ///
    /// # Errors
    /// As for [`Ledger::open`].
    pub fn open_with(path: &Path, memory: Memory) -> Result<Self, StoreError> {
        let ledger = Ledger::open(path)?;
        let ((bell_of_changes, changed), (write_now, due)) = (bell(), bell());
        let latest = Arc::new(Latest::open(path, memory, bell_of_changes.clone())?);
        metrics::watch(&latest);
        let keeper = Arc::new(Keeper::new(Arc::clone(&ledger.database)));
        let (looks, writes) = (Arc::clone(&latest), Arc::clone(&keeper));
        let watches = [
            Watch::start(
                path,
                "credential-store",
                (bell_of_changes, changed),
                latest.period(),
                move || {
                    // It has said so itself, and the next look may find it again.
                    let _ = looks.refresh();
                },
            )?,
            Watch::start(
                path,
                "credential-notes",
                (write_now.clone(), due),
                keeper::PERIOD,
                move || writes.write(),
            )?,
        ];
        Ok(Self(Arc::new(Inner {
            ledger: ledger.told_to(Arc::clone(&latest)),
            readers: Readers::new(path),
            latest,
            keeper,
            write_now,
            _watches: watches,
        })))
    }

    /// Whether all credentials can be judged now, those too that were made a moment ago.
    ///
    /// # Errors
    /// The file cannot be read. What is known goes on for a while all the same.
    pub fn ready(&self) -> Result<(), Rejection> {
        self.0.latest.is_absent()
    }
}
