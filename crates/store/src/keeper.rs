//! What servers note while they run, written down in batches: how often keys are used, how far audit files
//! go, and which keys verify tokens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::database::Database;
use crate::heads::{self, Kept};
use crate::signing_keys::{self, Noted};
use crate::uses::{self, Used};

/// How often it is written down. What was not when a process is killed is lost.
pub(crate) const PERIOD: Duration = Duration::from_secs(5);

/// Writes it down.
pub(crate) struct Keeper {
    pub(crate) used: Used,
    pub(crate) heads: Kept,
    pub(crate) signing_keys: Noted,
    database: Arc<Mutex<Database>>,
    /// Whether they could not be written last time.
    failing: AtomicBool,
}

impl Keeper {
    pub(crate) fn new(database: Arc<Mutex<Database>>) -> Self {
        let (used, heads, signing_keys) = Default::default();
        Self { used, heads, signing_keys, database, failing: AtomicBool::new(false) }
    }

    /// May wait for others who write. What cannot be written is tried again the next time.
    pub(crate) fn write(&self) {
        // First, so that of two who write at once none writes what is older.
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let (used, heads) = (self.used.take(), self.heads.take());
        let signing_keys = self.signing_keys.take();
        if used.is_empty() && heads.is_empty() && signing_keys.is_empty() {
            return;
        }
        let written = database.change(|session| {
            uses::write(session, &used)?;
            heads::write(session, &heads)?;
            signing_keys::write(session, &signing_keys)
        });
        let failed_before = self.failing.swap(written.is_err(), Ordering::Relaxed);
        if let Err(error) = written {
            if !failed_before {
                tracing::warn!(
                    %error,
                    "how often keys are used and how far the audit goes cannot be written to the \
                     credential store; it is tried again"
                );
            }
            self.used.put_back(used);
            self.heads.put_back(heads);
            self.signing_keys.put_back(&signing_keys);
        }
    }
}
