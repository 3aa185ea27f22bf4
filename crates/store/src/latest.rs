//! All that the file says, in memory, and for how long that counts.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use mcp_auth::Rejection;
use tokio::sync::watch;

use crate::database::{Database, Glance};
use crate::session::Moments;
use crate::snapshot::Snapshot;
use crate::watch::Bell;
use crate::{Memory, StoreError};

/// When a caller may ask again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The latest snapshot, read by every request and replaced whole.
pub(crate) struct Latest {
    snapshot: ArcSwap<Snapshot>,
    /// One look at a time, so that an older reading cannot follow a newer one.
    look: Mutex<Look>,
    /// When the snapshot was last known to be what the file says: milliseconds since `start`.
    /// Time alone decides, so that a watch that hangs or ended counts as a file that is gone.
    read_at: AtomicU64,
    start: Instant,
    memory: Memory,
    /// Whether the last look failed.
    failing: AtomicBool,
    /// How often the snapshot was replaced.
    changes: watch::Sender<u64>,
}

struct Look {
    database: Database,
    /// `None`: what is in memory may be old.
    seen: Option<Seen>,
}

/// What the file was when it was read.
pub(crate) struct Seen {
    pub(crate) glance: Glance,
    /// Of the table `changes`.
    pub(crate) token: Vec<u8>,
}

impl Seen {
    /// Taken before tables are read: what comes between the two is then found at the next look.
    pub(crate) fn of(database: &mut Database) -> Result<Self, StoreError> {
        Ok(Self { glance: database.glance()?, token: database.token()? })
    }
}

impl Latest {
    /// Opens the file, made if it is missing, and reads it.
    pub(crate) fn open(path: &Path, memory: Memory, bell: Bell) -> Result<Self, StoreError> {
        let database = Database::heard(path, bell)?;
        // While all is well it is never older than that.
        let grace = memory.grace.max(database.period() * 4);
        let latest = Self {
            snapshot: ArcSwap::default(),
            look: Mutex::new(Look { database, seen: None }),
            read_at: AtomicU64::new(0),
            start: Instant::now(),
            memory: Memory { grace, ..memory },
            failing: AtomicBool::new(false),
            changes: watch::Sender::new(0),
        };
        latest.read_if_changed(&mut latest.look())?;
        Ok(latest)
    }

    /// # Errors
    /// The file could not be read for longer than the snapshot counts.
    pub(crate) fn get(&self) -> Result<Guard<Arc<Snapshot>>, Rejection> {
        let age = self.age();
        if age > self.memory.grace {
            let reason = format!("the credential store could not be read for {} s", age.as_secs());
            return Err(Rejection::unavailable(RETRY_AFTER, reason));
        }
        Ok(self.snapshot.load())
    }

    /// What is not in the snapshot: not there, unless the file might say otherwise by now.
    ///
    /// # Errors
    /// The last look at the file failed.
    pub(crate) fn is_absent(&self) -> Result<(), Rejection> {
        if self.failing.load(Ordering::Acquire) {
            let reason = "the credential store cannot be read, and may know more by now";
            return Err(Rejection::unavailable(RETRY_AFTER, reason));
        }
        Ok(())
    }

    /// How often it is to be asked whether it changed.
    pub(crate) fn period(&self) -> Duration {
        self.look().database.period()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// For how long the snapshot was not known to be what the file says.
    pub(crate) fn age(&self) -> Duration {
        let read_at = Duration::from_millis(self.read_at.load(Ordering::Acquire));
        self.start.elapsed().saturating_sub(read_at)
    }

    /// What the file said last, however long ago.
    pub(crate) fn last(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Reads the file again if it changed. Says once that it fails, and once that it works again.
    ///
    /// # Errors
    /// The file cannot be read, and what is in memory may be old.
    pub(crate) fn refresh(&self) -> Result<(), StoreError> {
        let mut look = self.look();
        let result = self.read_if_changed(&mut look);
        let failing = self.failing.swap(result.is_err(), Ordering::AcqRel);
        match &result {
            Ok(()) if failing => {
                let path = look.database.name().display();
                tracing::info!(%path, "the credential store can be read again");
            }
            Err(error) if !failing => {
                let counts = self.memory.grace.as_secs_f64();
                tracing::error!(
                    %error,
                    "cannot read the credential store; what it said last counts for {counts} s, \
                     and revocations made meanwhile are not seen; then every credential is refused \
                     with 503 until the store can be read"
                );
            }
            _ => {}
        }
        if result.is_err() {
            mcp_auth::metrics::store_failed();
        }
        result
    }

    /// Looks for the file where it is not.
    #[cfg(test)]
    pub(crate) fn look_elsewhere(&self, path: &Path) {
        match &mut self.look().database {
            Database::Sqlite(opened) => path.clone_into(&mut opened.path),
            #[cfg(feature = "postgres")]
            Database::Postgres(_) => unreachable!("only files move"),
        }
    }

    fn read_if_changed(&self, look: &mut Look) -> Result<(), StoreError> {
        let now = self.start.elapsed().as_millis();
        let seen = look.seen.take();
        match self.read_since(&mut look.database, seen.as_ref()) {
            Ok(newer) => look.seen = newer.or(seen),
            Err(error) => {
                // What is in memory is what it was, and what follows it can be asked for again.
                look.seen = seen;
                return Err(error);
            }
        }
        // Of the look's beginning, and after the snapshot it speaks of.
        self.read_at.store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Release);
        Ok(())
    }

    /// `None` if nothing can have changed.
    fn read_since(
        &self,
        database: &mut Database,
        seen: Option<&Seen>,
    ) -> Result<Option<Seen>, StoreError> {
        let glance = database.glance()?;
        if seen.is_some_and(|seen| glance.is_unchanged(seen.glance)) {
            return Ok(None);
        }
        let mut now = Seen { glance, token: database.token()? };
        let seen = seen.filter(|seen| glance.is_same_place(seen.glance));
        if seen.is_some_and(|seen| seen.token == now.token) {
            return Ok(Some(now));
        }
        let (last, most) = (self.last(), self.memory.records);
        let changed = match seen {
            Some(seen) => database.read(|session| last.changed(session, &seen.token, most))?,
            None => None,
        };
        let snapshot = match changed {
            Some(snapshot) => snapshot,
            None => Snapshot::all(database, &mut now, &last, most)?,
        };
        self.replace(snapshot);
        Ok(Some(now))
    }

    fn replace(&self, snapshot: Snapshot) {
        // Before it counts, so that whoever is refused for it finds it in the log.
        let before = self.last();
        for (row, why) in &snapshot.damage {
            if before.damage.get(row) != Some(why) {
                tracing::error!(error = why, "a row cannot be read; what depends on it is refused");
            }
        }
        self.snapshot.store(Arc::new(snapshot));
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn look(&self) -> MutexGuard<'_, Look> {
        // After a panic `seen` is `None`, and the file is read anew.
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
