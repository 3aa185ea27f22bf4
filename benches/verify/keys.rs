//! More and more API keys in a store as servers use it.

use benches::Question;
use criterion::{BatchSize, BenchmarkId, Criterion};
use mcp_auth::authn::Scheme;
use mcp_auth::authn::apikey::{ApiKeys, PlainKey};
use rand::RngExt;
use rusqlite::Connection;
use store::{FILE_NAME, NewKey, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::caller::{USER, key_head};

const SIZES: [usize; 3] = [10, 1_000, 100_000];

/// How many requests are made ready at a time. So few that they are still in the
/// processor's cache when they are judged, as the bytes of a request are that just arrived.
const BATCH: u64 = 64;

/// Any key of the store, another one each time.
pub(crate) fn store_size(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group(Question::APIKEY_STORE_SIZE.group);
    for size in SIZES {
        // Filled only if it is measured: `cargo bench -- <filter>` leaves it out otherwise.
        let mut filled = None;
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            let (scheme, keys, _folder) = filled.get_or_insert_with(|| filled_with(size));
            let any = || {
                let key = keys[rand::rng().random_range(0..keys.len())].reveal();
                (key_head(key), &key["mcpk_".len()..])
            };
            bencher.to_async(runtime).iter_batched(
                any,
                async |(head, id_and_more)| {
                    let identity = scheme.authenticate(&head).await;
                    let identity = identity.expect("the key is in the store");
                    assert!(id_and_more.starts_with(&identity.credential));
                    // Handed back, so that dropping the request is not measured.
                    (head, identity)
                },
                BatchSize::NumIterations(BATCH),
            );
        });
    }
    group.finish();
}

/// A folder that is removed when it is dropped.
pub(crate) fn temporary_folder() -> TempDir {
    tempfile::tempdir().expect("there is room for temporary files")
}

/// The store in a folder.
pub(crate) fn open(folder: &TempDir) -> Store {
    Store::open(&folder.path().join(FILE_NAME)).expect("the folder is ours")
}

fn filled_with(size: usize) -> (ApiKeys<Store>, Vec<PlainKey>, TempDir) {
    let folder = temporary_folder();
    let keys: Vec<PlainKey> = (0..size).map(|_| PlainKey::mint()).collect();
    let first = NewKey::of(&keys[0], USER, "Bob Personal Key");
    open(&folder).insert_key(first).expect("the store was just made");
    let file = folder.path().join(FILE_NAME);
    copy_first(&file, &keys[1..]).expect("the store has the columns that are named here");
    (ApiKeys::new(open(&folder), false), keys, folder)
}

/// Keeps each key as the first one is kept, all in one transaction: through the store every
/// key would be a change of its own, on the disk and in memory.
fn copy_first(file: &std::path::Path, keys: &[PlainKey]) -> rusqlite::Result<()> {
    let mut connection = Connection::open(file)?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(
            "INSERT INTO api_keys (id, digest, chain, owner, name, grants, created)
             SELECT ?1, ?2, ?1, owner, name, grants, created FROM api_keys WHERE rowid = 1",
        )?;
        for key in keys {
            insert.execute((key.id().to_string(), key.digest()))?;
        }
    }
    transaction.commit()
}
