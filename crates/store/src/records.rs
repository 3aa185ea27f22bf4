//! Records by id: every id is in memory, and as many records as it is to hold.

use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

use jiff::Timestamp;

use crate::StoreError;
use crate::held::Held;
use crate::session::{Row, Session};
use crate::shards::Shards;
use crate::snapshot::Snapshot;

/// Of one moment. What is asked for later than that is newer, and never older.
pub(crate) enum Records<K, V> {
    /// There are not more than memory is to hold.
    All(Shards<K, Arc<V>>),
    /// There are more.
    Most {
        /// Of each, when it ends.
        ends: Shards<K, Option<Timestamp>>,
        /// Those that were asked for.
        held: Held<K, V>,
    },
}

/// What memory knows of an id.
pub(crate) enum Found<V> {
    /// There is no such id.
    Nothing,
    /// All of it.
    Here(Arc<V>),
    /// It is there, and the database has to be asked what it is.
    Stored,
}

/// What can be found by an id.
pub(crate) trait Record: Sized + Send + Sync + 'static {
    type Id: Clone + Display + Eq + Hash + Send + Sync + 'static;

    /// Where they are kept.
    const TABLE: &'static str;

    /// All of this kind.
    fn of(snapshot: &Snapshot) -> &Records<Self::Id, Self>;

    /// The same, to be changed.
    fn of_mut(snapshot: &mut Snapshot) -> &mut Records<Self::Id, Self>;

    /// What a row is found by, if this is such an id.
    fn id(text: &str) -> Option<Self::Id>;

    /// What a row says.
    fn read(row: &Row<'_>) -> Result<(Self::Id, Self), StoreError>;

    /// From when on it is refused.
    fn end(&self) -> Option<Timestamp>;
}

/// What the database says of one.
pub(crate) fn one<V: Record>(session: &Session<'_>, id: &V::Id) -> Result<Option<V>, StoreError> {
    let (mut found, sql) = (None, format!("SELECT * FROM {} WHERE id", V::TABLE));
    session.each_of(V::TABLE, &sql, [&id.to_string()], |row| {
        found = Some(V::read(row)?.1);
        Ok(())
    })?;
    Ok(found)
}

impl<V: Record> Records<V::Id, V> {
    /// Adds one, where memory is to hold `most` of them. Of more than that, it goes on to hold those
    /// that it held `before`.
    pub(crate) fn add(&mut self, id: V::Id, record: V, before: &Self, most: usize) {
        if let Self::All(all) = self
            && all.len() >= most
        {
            *self = Self::most(all, most);
        }
        match self {
            Self::All(all) => {
                all.insert(id, Arc::new(record));
            }
            Self::Most { ends, held } => {
                ends.insert(id.clone(), record.end());
                if before.holds(&id) {
                    held.insert(id, Arc::new(record));
                }
            }
        }
    }

    /// The same records, to be changed: what is held now, and what is asked for later in either.
    pub(crate) fn copy(&self) -> Self {
        match self {
            Self::All(all) => Self::All(all.clone()),
            Self::Most { ends, held } => Self::Most { ends: ends.clone(), held: held.copy() },
        }
    }

    /// What the database says of an id now: the record in place of the one before, or that there is none.
    pub(crate) fn change(&mut self, id: V::Id, now: Option<V>, most: usize) {
        match self {
            Self::All(all) => {
                // First, so that the one before is held by nobody, however many there are now.
                all.remove(&id);
                if let Some(record) = now {
                    self.add(id, record, &Self::default(), most);
                }
            }
            Self::Most { ends, held } => match now {
                None => ends.remove(&id),
                Some(record) => {
                    ends.insert(id.clone(), record.end());
                    held.change(id, Arc::new(record));
                }
            },
        }
    }

    pub(crate) fn find(&self, id: &V::Id) -> Found<V> {
        match self {
            Self::All(all) => {
                all.get(id).map_or(Found::Nothing, |record| Found::Here(Arc::clone(record)))
            }
            // First of all: what was removed may be held still.
            Self::Most { ends, .. } if ends.get(id).is_none() => Found::Nothing,
            Self::Most { held, .. } => held.get(id).map_or(Found::Stored, Found::Here),
        }
    }

    /// Holds what `ask` says of an id that is [`Found::Stored`]. Of several who want it at once, one asks.
    pub(crate) async fn hold<E>(
        &self,
        id: &V::Id,
        ask: impl Future<Output = Result<Arc<V>, E>>,
    ) -> Result<Arc<V>, E> {
        match self {
            Self::All(_) => ask.await,
            Self::Most { held, .. } => held.insert_with(id, ask).await,
        }
    }

    /// From when on it is refused; `None` if there is no such id.
    pub(crate) fn end(&self, id: &V::Id) -> Option<Option<Timestamp>> {
        match self {
            Self::All(all) => all.get(id).map(|record| record.end()),
            Self::Most { ends, .. } => ends.get(id).copied(),
        }
    }

    /// From when on each is refused, of those that come to an end.
    pub(crate) fn ends(&self) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        match self {
            Self::All(all) => Box::new(all.iter().filter_map(|(_, record)| record.end())),
            Self::Most { ends, .. } => Box::new(ends.iter().filter_map(|(_, end)| *end)),
        }
    }

    /// How many ids there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::All(all) => all.len(),
            Self::Most { ends, .. } => ends.len(),
        }
    }

    fn most(all: &Shards<V::Id, Arc<V>>, most: usize) -> Self {
        let (mut ends, held) = (Shards::default(), Held::new(most));
        for (id, record) in all.iter() {
            ends.insert(id.clone(), record.end());
            held.insert(id.clone(), Arc::clone(record));
        }
        Self::Most { ends, held }
    }

    fn holds(&self, id: &V::Id) -> bool {
        match self {
            Self::All(all) => all.get(id).is_some(),
            Self::Most { held, .. } => held.get(id).is_some(),
        }
    }
}

impl<K, V> Default for Records<K, V> {
    fn default() -> Self {
        Self::All(Shards::default())
    }
}

#[cfg(test)]
mod tests {
    use mcp_auth::authn::client::ClientRecord;

    use super::*;

    fn client(number: usize) -> ClientRecord {
        ClientRecord {
            id: number.to_string(),
            digest: [0; 32],
            user: "bob".to_owned(),
            user_number: None,
            name: None,
            scopes: Vec::new(),
            revoked: number == 0,
        }
    }

    fn read(count: usize, before: &Records<String, ClientRecord>) -> Records<String, ClientRecord> {
        let mut records = Records::default();
        for number in 0..count {
            records.add(number.to_string(), client(number), before, 100);
        }
        records
    }

    fn held(records: &Records<String, ClientRecord>) -> usize {
        let ids = 0..records.len();
        ids.filter(|id| matches!(records.find(&id.to_string()), Found::Here(_))).count()
    }

    #[test]
    fn every_id_is_known_and_no_more_records_are_held_than_there_is_room_for() {
        let none = Records::default();
        for count in [0, 99, 100] {
            let records = read(count, &none);
            assert_eq!((records.len(), held(&records)), (count, count));
        }
        for count in [101, 5000] {
            let records = read(count, &none);
            assert_eq!(records.len(), count);
            assert!((50..=100).contains(&held(&records)), "{}", held(&records));
            assert_eq!(records.end(&"0".to_owned()), Some(Some(Timestamp::UNIX_EPOCH)));
            assert_eq!(records.ends().count(), 1);
            assert_eq!(records.end(&"1".to_owned()), Some(None));
            assert_eq!(records.end(&count.to_string()), None);
            assert!(matches!(records.find(&count.to_string()), Found::Nothing));
        }
    }

    #[tokio::test]
    async fn what_was_changed_is_what_is_found_and_the_copy_before_is_as_it_was() {
        let is_revoked = |records: &Records<String, ClientRecord>, id: &str| match records
            .find(&id.to_owned())
        {
            Found::Here(record) => Some(record.revoked),
            _ => None,
        };
        // All of them, as many as there is room for, and more: some have never been asked for.
        for count in [50, 99, 100, 101, 300] {
            let mut now = read(count, &Records::default());
            for number in 1..count {
                let id = number.to_string();
                let before = now;
                now = before.copy();
                now.change(id.clone(), Some(ClientRecord { revoked: true, ..client(number) }), 100);
                assert!(is_revoked(&now, &id) == Some(true), "{number} of {count}");
                assert!(is_revoked(&before, &id) != Some(true), "{number} of {count}");
                assert_eq!(now.end(&id), Some(Some(Timestamp::UNIX_EPOCH)));
                // Whoever asked before the change has the answer now.
                let late = before.hold(&id, async { Ok::<_, ()>(Arc::new(client(number))) }).await;
                assert!(!late.unwrap().revoked);
                assert!(is_revoked(&now, &id) == Some(true), "{number} of {count}");
            }
            for number in 0..count {
                let id = number.to_string();
                assert!(is_revoked(&now, &id) != Some(false), "{number} of {count}");
                let mut gone = now.copy();
                gone.change(id.clone(), None, 100);
                assert!(matches!(gone.find(&id), Found::Nothing) && gone.end(&id).is_none());
                assert_eq!((gone.len(), now.len()), (count - 1, count));
                let mut again = gone.copy();
                again.change(id.clone(), Some(client(number)), 100);
                assert_eq!(is_revoked(&again, &id).unwrap_or(number == 0), number == 0);
            }
        }
    }

    #[tokio::test]
    async fn what_was_asked_for_is_held_also_when_all_is_read_again() {
        let before = read(5000, &Records::default());
        let last = "4999".to_owned();
        assert!(matches!(before.find(&last), Found::Stored));
        before.hold(&last, async { Ok::<_, ()>(Arc::new(client(4999))) }).await.unwrap();
        before.hold(&last, async { Err(()) }).await.unwrap();
        let after = read(5001, &before);
        assert!(matches!(after.find(&last), Found::Here(_)));
    }
}
