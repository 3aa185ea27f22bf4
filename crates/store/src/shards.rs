//! A map of which a copy costs little, and a change to the copy too.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

/// A copy of so many, and of one of them, is what a change costs.
const COUNT: usize = 256;

type Shard<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Copies share what neither has changed.
#[derive(Clone)]
pub(crate) struct Shards<K, V> {
    shards: Vec<Arc<Shard<K, V>>>,
    len: usize,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        let empty = || Arc::new(HashMap::default());
        Self { shards: (0..COUNT).map(|_| empty()).collect(), len: 0 }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Shards<K, V> {
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if self.len == 0 {
            return None;
        }
        self.shards[shard(key)].get(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let before = Arc::make_mut(&mut self.shards[shard(&key)]).insert(key, value);
        self.len += usize::from(before.is_none());
    }

    pub(crate) fn remove(&mut self, key: &K) {
        let shard = &mut self.shards[shard(key)];
        if shard.contains_key(key) {
            Arc::make_mut(shard).remove(key);
            self.len -= 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

fn shard(key: &(impl Hash + ?Sized)) -> usize {
    // Other bits than those by which a map tells its keys apart.
    let hash = BuildHasherDefault::<IdHasher>::default().hash_one(key) >> 40;
    usize::try_from(hash % COUNT as u64).unwrap_or(0)
}

/// FNV-1a for texts and one multiplication for numbers, and a mix of their bits at the end. Keys are ids
/// that were made at random: nobody chooses those that are in a map.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 by the golden ratio.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_a_map_of_its_own_and_shares_what_was_not_changed() {
        let mut map = Shards::default();
        for number in 0..10_000_u32 {
            map.insert(number.to_string(), number);
        }
        let before = map.clone();
        map.insert("7".to_owned(), 70);
        map.remove(&"8".to_owned());
        map.remove(&"not there".to_owned());
        let of = |map: &Shards<String, u32>, key: &str| map.get(&key.to_owned()).copied();
        assert_eq!((of(&map, "7"), of(&map, "8"), of(&map, "9")), (Some(70), None, Some(9)));
        assert_eq!((of(&before, "7"), of(&before, "8")), (Some(7), Some(8)));
        assert_eq!((map.len(), before.len()), (9_999, 10_000));
        assert_eq!(before.iter().map(|(_, value)| u64::from(*value)).sum::<u64>(), 49_995_000);
        let shared =
            map.shards.iter().zip(&before.shards).filter(|(one, other)| Arc::ptr_eq(one, other));
        assert!(shared.count() >= COUNT - 2);
        let numbers = (0..10_000_u64).map(|number| shard(&number)).collect::<Vec<_>>();
        let of = |shard| numbers.iter().filter(|one| **one == shard).count();
        assert!((0..COUNT).all(|shard| (1..200).contains(&of(shard))), "they are spread");
        let largest = before.shards.iter().map(|shard| shard.len()).max();
        assert!(largest < Some(4 * 10_000 / COUNT), "they are spread: {largest:?}");
    }
}
