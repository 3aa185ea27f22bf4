//! A key takes over from another.

use jiff::Timestamp;
use mcp_auth::authn::apikey::{KeyId, PlainKey};

use crate::ledger::Change;
use crate::{Ledger, NewKey, StoreError, StoredKey, keys, row};

impl Ledger {
    /// Lets `next` take over from a key, in the same chain, with the same owner, name, number,
    /// role, grants and limits, if `handed_over` succeeds. The one before ends at `until`, if not sooner.
    /// Returns both as they are then, the one before first.
    ///
    /// # Errors
    /// There is no such key, it is in force no more, or another has taken over from it; as for
    /// [`Ledger::insert_key`]; and what `handed_over` says.
    pub fn rotate_key_when<E: From<StoreError>>(
        &self,
        id: KeyId,
        next: &PlainKey,
        until: Timestamp,
        handed_over: impl FnOnce(&NewKey) -> Result<(), E>,
    ) -> Result<(StoredKey, NewKey), E> {
        self.change(|change| {
            let (mut former, newest) = change.live_key(id)?;
            let created = Timestamp::now();
            // Not that of the one before, whose end is the overlap's if it was rotated already.
            let life = newest.expires.map(|end| end.duration_since(newest.created));
            let next = NewKey {
                chain: Some(former.chain),
                user_number: former.user_number.clone(),
                role: former.role.clone(),
                grants: former.grants.clone(),
                read_only: former.read_only,
                rate: former.rate,
                created,
                // As long as the last one was to live.
                expires: life.and_then(|life| created.checked_add(life).ok()),
                demo: former.demo,
                ..NewKey::of(next, &former.owner, &former.name)
            };
            change.insert_key(&next)?;
            let end = former.expires.map_or(until, |end| end.min(until));
            change.end_key(id, end)?;
            handed_over(&next)?;
            former.expires = Some(end);
            Ok((former, next))
        })
    }
}

impl Change<'_> {
    /// A key that another can take over from, and the newest of its chain, which may be revoked.
    fn live_key(&self, id: KeyId) -> Result<(StoredKey, StoredKey), StoreError> {
        let mut keys = keys::and_later(self.session, id)?.into_iter();
        let key = keys.next().ok_or(StoreError::UnknownKey(id))??;
        // What cannot be read is no key that took over.
        let later: Vec<_> = keys.filter_map(Result::ok).collect();
        let now = Timestamp::now();
        if key.revoked.is_some() || key.expires.is_some_and(|end| end <= now) {
            return Err(StoreError::Over(id));
        }
        let newest = later.last().unwrap_or(&key);
        match later.iter().rfind(|later| later.revoked.is_none()) {
            Some(next) => Err(StoreError::Followed { id, next: next.id }),
            None => Ok((key.clone(), newest.clone())),
        }
    }

    fn end_key(&self, id: KeyId, end: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE api_keys SET expires = ?2 WHERE id = ?1";
        self.session.execute(sql, &[id.to_string().into(), row::time(end).into()]).map(drop)
    }
}
