//! What servers count and note, written down in batches: how often keys are used, and how far audit
//! files go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_auth::authn::apikey::{KeyId, Uses};

use crate::database::Database;
use crate::heads::Kept;
use crate::{StoreError, heads, row};

/// How often they are written down. What was not when a process is killed is lost.
pub(crate) const PERIOD: Duration = Duration::from_secs(5);

/// The keys that were used since their uses were written down.
#[derive(Clone, Default)]
pub(crate) struct Used(Arc<Mutex<Vec<UsedKey>>>);

/// A key, and where its uses are counted: its record may be held no more when they are written.
type UsedKey = (KeyId, Arc<Uses>);

/// Writes them down.
pub(crate) struct Keeper {
    used: Used,
    heads: Kept,
    database: Arc<Mutex<Database>>,
}

impl Used {
    /// Remembers a key that was used for the first time since then.
    pub(crate) fn add(&self, id: KeyId, uses: Arc<Uses>) {
        self.lock().push((id, uses));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<UsedKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    pub(crate) fn new(used: Used, heads: Kept, database: Arc<Mutex<Database>>) -> Self {
        Self { used, heads, database }
    }

    /// Writes them down, which may wait for others who write. What cannot be written is tried again the next time.
    pub(crate) fn write(&self) {
        let used = std::mem::take(&mut *self.used.lock());
        let heads = self.heads.take();
        if used.is_empty() && heads.is_empty() {
            return;
        }
        let taken: Vec<_> = used.into_iter().map(|(id, uses)| (id, uses.take(), uses)).collect();
        let rows = taken.iter().map(|(id, (count, last), _)| (*id, *count, row::time(*last)));
        if let Err(error) = self.insert(rows, &heads) {
            tracing::debug!(%error, "the uses of keys could not be written down");
            self.heads.put_back(heads);
            for (id, (count, _), uses) in taken {
                uses.put_back(count);
                self.used.add(id, uses);
            }
        }
    }

    fn insert(
        &self,
        rows: impl Iterator<Item = (KeyId, u64, String)>,
        heads: &HashMap<String, String>,
    ) -> Result<(), StoreError> {
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
            heads::write(session, heads)
        })
    }
}
