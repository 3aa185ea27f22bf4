//! How often keys are used.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mcp_auth::authn::apikey::{KeyId, Uses};

use crate::session::Session;
use crate::{StoreError, row};

/// The keys that were used since their uses were written down, and where those are counted: the record of
/// one may be held no more when they are written.
#[derive(Default)]
pub(crate) struct Used(Mutex<Vec<(KeyId, Arc<Uses>)>>);

/// Uses that are to be written down.
pub(crate) struct Taken {
    id: KeyId,
    count: u64,
    last: Timestamp,
    from: Arc<Uses>,
}

impl Used {
    /// Remembers a key that was used for the first time since then.
    pub(crate) fn add(&self, id: KeyId, uses: Arc<Uses>) {
        self.lock().push((id, uses));
    }

    pub(crate) fn take(&self) -> Vec<Taken> {
        let used = mem::take(&mut *self.lock());
        let taken = used.into_iter().map(|(id, from)| {
            let (count, last) = from.take();
            Taken { id, count, last, from }
        });
        taken.collect()
    }

    /// Puts back what was taken and could not be written.
    pub(crate) fn put_back(&self, taken: Vec<Taken>) {
        for Taken { id, count, from, .. } in taken {
            // Where it was used meanwhile it is there already.
            if from.put_back(count) {
                self.add(id, from);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(KeyId, Arc<Uses>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn write(session: &Session<'_>, uses: &[Taken]) -> Result<(), StoreError> {
    for Taken { id, count, last, .. } in uses {
        let sql = "INSERT INTO key_uses (id, last_used, uses) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET uses = key_uses.uses + excluded.uses,
                last_used = CASE WHEN key_uses.last_used > excluded.last_used
                    THEN key_uses.last_used ELSE excluded.last_used END";
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        session.execute(sql, &[id.to_string().into(), row::time(*last).into(), count.into()])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mcp_auth::authn::apikey::PlainKey;

    use super::*;

    #[test]
    fn a_key_is_listed_once_however_often_its_uses_cannot_be_written() {
        let (used, uses, id) = (Used::default(), Arc::new(Uses::default()), PlainKey::mint().id());
        uses.put_back(1);
        used.add(id, Arc::clone(&uses));
        for _ in 0..3 {
            let taken = used.take();
            // Used meanwhile, for the first time since.
            assert!(uses.put_back(1));
            used.add(id, Arc::clone(&uses));
            used.put_back(taken);
            assert_eq!(used.lock().len(), 1);
        }
        assert_eq!(used.take()[0].count, 4);
    }
}
