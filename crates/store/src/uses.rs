//! How often keys are used, written down in batches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_auth::authn::apikey::KeyId;

use crate::database::Database;
use crate::snapshot::Latest;
use crate::{StoreError, row};

/// How often they are written down. What was not when a process is killed is lost.
pub(crate) const PERIOD: Duration = Duration::from_secs(5);

/// The keys that were used since their uses were written down.
#[derive(Clone, Default)]
pub(crate) struct Used(Arc<Mutex<Vec<KeyId>>>);

/// Writes them down.
pub(crate) struct Keeper {
    used: Used,
    latest: Arc<Latest>,
    database: Arc<Mutex<Database>>,
}

impl Used {
    /// Remembers a key that was used for the first time since then.
    pub(crate) fn add(&self, id: KeyId) {
        self.lock().push(id);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<KeyId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    pub(crate) fn new(used: Used, latest: Arc<Latest>, database: Arc<Mutex<Database>>) -> Self {
        Self { used, latest, database }
    }

    /// Writes them down, which may wait for others who write. What cannot be written is tried again the next time.
    pub(crate) fn write(&self) {
        let ids = std::mem::take(&mut *self.used.lock());
        if ids.is_empty() {
            return;
        }
        let snapshot = self.latest.last();
        let taken: Vec<_> = ids
            .into_iter()
            .filter_map(|id| Some((id, snapshot.keys.get(&id)?)))
            .map(|(id, key)| (id, key, key.uses.take()))
            .collect();
        let rows = taken.iter().map(|(id, _, (count, last))| (*id, *count, row::time(*last)));
        if let Err(error) = self.insert(rows) {
            tracing::debug!(%error, "the uses of keys could not be written down");
            for (id, key, (count, _)) in taken {
                key.uses.put_back(count);
                self.used.add(id);
            }
        }
    }

    fn insert(&self, rows: impl Iterator<Item = (KeyId, u64, String)>) -> Result<(), StoreError> {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        database.change(|session| {
            for (id, count, last) in rows {
                let sql = "INSERT INTO key_uses (id, last_used, uses) VALUES (?1, ?2, ?3)
                     ON CONFLICT (id) DO UPDATE SET uses = key_uses.uses + excluded.uses,
                        last_used = CASE WHEN key_uses.last_used > excluded.last_used
                            THEN key_uses.last_used ELSE excluded.last_used END";
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                session.execute(sql, &[id.to_string().into(), last.into(), count.into()])?;
            }
            Ok(())
        })
    }
}
