//! As many records as memory has room for.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::shards::Shards;

/// After how many changes there is a new cache, so that copies have little to copy.
const MANY: usize = 10_000;

/// Copies share what they hold, but for what was changed.
pub(crate) struct Held<K, V> {
    cache: Arc<Cache<K, Arc<V>>>,
    /// What was changed since there is that cache, which is not asked for these any more: whoever had its
    /// answer from the database before the change may put it there only now.
    changed: Shards<K, Arc<V>>,
    most: usize,
}

impl<K: Clone + Eq + Hash, V> Held<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { cache: Arc::new(Cache::new(most)), changed: Shards::default(), most }
    }

    /// Of an id that there is.
    pub(crate) fn get(&self, id: &K) -> Option<Arc<V>> {
        self.changed.get(id).cloned().or_else(|| self.cache.get(id))
    }

    /// Of one that was not changed.
    pub(crate) fn insert(&self, id: K, record: Arc<V>) {
        self.cache.insert(id, record);
    }

    /// The same with what `ask` says. Of several who want it at once, one asks.
    pub(crate) async fn insert_with<E>(
        &self,
        id: &K,
        ask: impl Future<Output = Result<Arc<V>, E>>,
    ) -> Result<Arc<V>, E> {
        self.cache.get_or_insert_async(id, ask).await
    }

    /// What is held from now on of an id, in no other copy.
    pub(crate) fn change(&mut self, id: K, record: Arc<V>) {
        self.changed.insert(id, record);
    }

    /// A copy, to be changed.
    pub(crate) fn copy(&self) -> Self {
        if self.changed.len() < self.most.min(MANY) {
            let (cache, changed) = (Arc::clone(&self.cache), self.changed.clone());
            return Self { cache, changed, most: self.most };
        }
        let copy = Self::new(self.most);
        for (id, record) in self.cache.iter() {
            copy.insert(id, record);
        }
        // After those, some of which are older.
        for (id, record) in self.changed.iter() {
            copy.insert(id.clone(), Arc::clone(record));
        }
        copy
    }
}
