//! All that the file says at one moment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use mcp_auth::authn::apikey::{KeyId, KeyRecord};
use mcp_auth::authn::client::ClientRecord;

use crate::StoreError;
use crate::changes;
use crate::database::Database;
use crate::latest::Seen;
use crate::records::{Record, Records};
use crate::session::{self, Moments, Session};
use crate::tokens::Revoked;

/// How often all is read page by page while too much is changed meanwhile.
const TRIES: usize = 3;

/// One moment of the file.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) keys: Records<KeyId, KeyRecord>,
    pub(crate) clients: Records<String, ClientRecord>,
    /// The tokens that were taken back; `None` if it cannot be read of one which it is.
    pub(crate) revoked_tokens: Option<Arc<Revoked>>,
    /// What was left out because it cannot be read.
    pub(crate) damage: Damage,
}

/// Why, by the table and the id of the row.
type Damage = BTreeMap<(&'static str, String), String>;

impl Snapshot {
    /// All of it, as it is at one moment, though it takes many to read: whoever writes to a file has to
    /// wait until nobody reads. What is changed meanwhile is read again.
    ///
    /// `seen` is what there was before. It is set to what there is, if that is more.
    pub(crate) fn all(
        database: &mut Database,
        seen: &mut Seen,
        before: &Self,
        most: usize,
    ) -> Result<Self, StoreError> {
        for _ in 0..TRIES {
            let pages = Self::read(database, before, most)?;
            let all = database.read(|session| pages.changed(session, &seen.token, most))?;
            let now = Seen::of(database)?;
            // Pages of two files are none of one.
            if let Some(all) = all.filter(|_| now.glance.is_same_place(seen.glance)) {
                return Ok(all);
            }
            *seen = now;
        }
        database.read(|mut session| Self::read(&mut session, before, most))
    }

    /// Of what memory has no room for, it goes on to hold what it held before.
    fn read(from: &mut impl Moments, before: &Self, most: usize) -> Result<Self, StoreError> {
        let mut snapshot = Self::default();
        snapshot.add_all::<KeyRecord>(from, before, most)?;
        snapshot.add_all::<ClientRecord>(from, before, most)?;
        let revoked = from.read(|session| Ok(Revoked::all(session)))?;
        snapshot.set_revoked(revoked)?;
        Ok(snapshot)
    }

    fn add_all<V: Record>(
        &mut self,
        from: &mut impl Moments,
        before: &Self,
        most: usize,
    ) -> Result<(), StoreError> {
        session::all(from, V::TABLE, &format!("{}.*", V::TABLE), "", |row| {
            match V::read(row) {
                Ok((id, record)) => V::of_mut(self).add(id, record, V::of(before), most),
                Err(damage) => {
                    let id = row.get("id").unwrap_or_default();
                    self.damage.insert((V::TABLE, id), damage.to_string());
                }
            }
            Ok(())
        })
    }

    /// With what was changed since this token; `None` if all has to be read for that.
    pub(crate) fn changed(
        &self,
        session: &Session<'_>,
        since: &[u8],
        most: usize,
    ) -> Result<Option<Self>, StoreError> {
        let Some(changes) = changes::since(session, since)? else { return Ok(None) };
        let mut snapshot = Self {
            keys: self.keys.copy(),
            clients: self.clients.copy(),
            revoked_tokens: self.revoked_tokens.clone(),
            damage: self.damage.clone(),
        };
        snapshot.change::<KeyRecord>(session, &changes.keys, most)?;
        snapshot.change::<ClientRecord>(session, &changes.clients, most)?;
        if !changes.revocations.is_empty() {
            let revoked = match &self.revoked_tokens {
                Some(revoked) => revoked.changed(session, &changes.revocations),
                // What could not be read then may be readable by now.
                None => Revoked::all(session),
            };
            snapshot.set_revoked(revoked)?;
        }
        Ok(Some(snapshot))
    }

    fn change<V: Record>(
        &mut self,
        session: &Session<'_>,
        ids: &HashSet<String>,
        most: usize,
    ) -> Result<(), StoreError> {
        let mut found = HashMap::new();
        session.each_of(V::TABLE, &format!("SELECT * FROM {} WHERE id", V::TABLE), ids, |row| {
            found.insert(row.get::<String>("id")?, V::read(row));
            Ok(())
        })?;
        for text in ids {
            let row = (V::TABLE, text.clone());
            self.damage.remove(&row);
            let record = match found.remove(text) {
                Some(Ok((_, record))) => Some(record),
                Some(Err(damage)) => {
                    self.damage.insert(row, damage.to_string());
                    None
                }
                None => None,
            };
            // What is no such id was never found by it.
            if let Some(id) = V::id(text) {
                V::of_mut(self).change(id, record, most);
            }
        }
        Ok(())
    }

    fn set_revoked(&mut self, revoked: Result<Revoked, StoreError>) -> Result<(), StoreError> {
        let row = ("revocations", String::new());
        self.damage.remove(&row);
        self.revoked_tokens = match revoked {
            Ok(revoked) => Some(Arc::new(revoked)),
            Err(damage @ StoreError::Damaged { .. }) => {
                self.damage.insert(row, damage.to_string());
                None
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use mcp_auth::authn::apikey::PlainKey;
    use rusqlite::Connection;

    use super::*;
    use crate::{Ledger, NewKey};

    /// More than three pages.
    const KEYS: usize = 350;
    const MOST: usize = 1000;

    struct Site {
        path: PathBuf,
        keys: Vec<PlainKey>,
        _folder: tempfile::TempDir,
    }

    impl Site {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("credentials.db");
            let keys: Vec<_> = (0..KEYS).map(|_| PlainKey::mint()).collect();
            let made = Ledger::open(&path).unwrap().change(|change| {
                keys.iter().try_for_each(|key| change.insert_key(&NewKey::of(key, "bob", "Many")))
            });
            made.unwrap();
            Self { path, keys, _folder: folder }
        }

        fn id(&self, key: usize) -> KeyId {
            self.keys[key].id()
        }
    }

    /// Between any two moments somebody writes, who does not wait.
    struct Busy<'a> {
        database: Database,
        path: &'a Path,
        write: Box<dyn FnMut(&Connection) + 'a>,
        moments: usize,
    }

    impl Moments for Busy<'_> {
        fn read<T>(
            &mut self,
            work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
        ) -> Result<T, StoreError> {
            let read = self.database.read(work);
            (self.write)(&Connection::open(self.path).unwrap());
            self.moments += 1;
            read
        }
    }

    #[test]
    fn pages_become_one_moment_though_everybody_may_write_between_them() {
        let site = Site::new();
        let mut database = Database::existing(&site.path).unwrap();
        let token = database.token().unwrap();
        let mut next = 0..KEYS;
        let write = Box::new(|connection: &Connection| {
            let id = site.id(next.next().unwrap()).to_string();
            let done = connection.execute("DELETE FROM api_keys WHERE id = ?1", [id]);
            assert_eq!(done, Ok(1));
        });
        let other = Database::existing(&site.path).unwrap();
        let mut busy = Busy { database: other, path: &site.path, write, moments: 0 };
        let pages = Snapshot::read(&mut busy, &Snapshot::default(), MOST).unwrap();
        assert_eq!((pages.keys.len(), busy.moments), (KEYS, 6));
        let all = database.read(|session| pages.changed(session, &token, MOST)).unwrap().unwrap();
        assert_eq!((all.keys.len(), pages.keys.len()), (KEYS - 6, KEYS));
        assert!(all.keys.end(&site.id(5)).is_none() && all.keys.end(&site.id(6)).is_some());
    }

    #[test]
    fn what_is_damaged_is_no_reason_to_read_all_again() {
        let site = Site::new();
        let mut database = Database::existing(&site.path).unwrap();
        let sql = |sql: &str| {
            let id = site.id(0).to_string();
            let done = Connection::open(&site.path).unwrap().execute(sql, [id]);
            assert_eq!(done, Ok(1));
        };
        let mut read = |before: &Snapshot, since: &[u8]| {
            let token = database.token().unwrap();
            let changed = database.read(|session| before.changed(session, since, MOST)).unwrap();
            (changed.expect("no more than what was changed is read"), token)
        };
        sql("UPDATE api_keys SET created = 'x' WHERE id = ?1");
        let mut other = Database::existing(&site.path).unwrap();
        let token = other.token().unwrap();
        let damaged = Snapshot::read(&mut other, &Snapshot::default(), MOST).unwrap();
        assert_eq!((damaged.keys.len(), damaged.damage.len()), (KEYS - 1, 1));

        Ledger::open(&site.path).unwrap().revoke_key(site.id(1)).unwrap();
        let (revoked, token) = read(&damaged, &token);
        assert!(revoked.keys.end(&site.id(1)).unwrap().is_some());
        assert_eq!((revoked.keys.len(), revoked.damage.len()), (KEYS - 1, 1));
        sql("UPDATE api_keys SET created = '2026-01-01T00:00:00Z' WHERE id = ?1");
        let (mended, token) = read(&revoked, &token);
        assert_eq!((mended.keys.len(), mended.damage.len()), (KEYS, 0));
        sql("UPDATE api_keys SET grants = 'x' WHERE id = ?1");
        let (again, token) = read(&mended, &token);
        assert_eq!((again.keys.len(), again.damage.len()), (KEYS - 1, 1));
        sql("UPDATE api_keys SET id = 'no id' WHERE id = ?1");
        let (_, token) = read(&again, &token);
        sql("DELETE FROM api_keys WHERE id = 'no id' OR id = ?1");
        let (gone, _) = read(&again, &token);
        assert_eq!(gone.keys.len(), KEYS - 1);
    }
}
