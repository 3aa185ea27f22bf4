//! A store as a server and `keygen` have it open, each with a handle of its own.

#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "one file has tests that need all of it")]
pub(crate) mod postgres;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use mcp_auth::authn::apikey::{ApiKeys, PlainKey};
use mcp_auth::authn::client::PlainClient;
use store::{Memory, NewClient, NewKey, Store};

/// Long enough for some looks of the watch, short enough for a test.
pub(crate) const GRACE: Duration = Duration::from_millis(600);

/// A store with the keys of two owners and a client.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) bob: PlainKey,
    pub(crate) alice: PlainKey,
    pub(crate) client: PlainClient,
    /// Held for its files.
    _folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::empty().filled()
    }

    /// Nothing is in the store.
    #[allow(dead_code, reason = "one file has tests that need it")]
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let path = Self::on_postgres().unwrap_or_else(|| folder.path().join("credentials.db"));
        Self::empty_at(path, folder)
    }

    #[allow(dead_code, reason = "one file has tests that need it")]
    pub(crate) fn at(path: PathBuf, folder: tempfile::TempDir) -> Self {
        Self::empty_at(path, folder).filled()
    }

    fn empty_at(path: PathBuf, folder: tempfile::TempDir) -> Self {
        collect_log();
        let (bob, alice, client) = (PlainKey::mint(), PlainKey::mint(), PlainClient::mint());
        Self { path, bob, alice, client, _folder: folder }
    }

    fn filled(self) -> Self {
        let Self { bob, alice, client, .. } = &self;
        let store = Store::open(&self.path).expect("the folder is ours");
        store.insert_key(NewKey::of(bob, "bob", "Laptop")).expect("the id is new");
        store.insert_key(NewKey::of(alice, "alice", "Laptop")).expect("the id is new");
        store.insert_client(NewClient::of(client, "bob", "Report")).expect("the id is new");
        self
    }

    pub(crate) fn server(&self) -> Store {
        self.server_with(Memory { grace: GRACE, ..Memory::default() })
    }

    pub(crate) fn server_with(&self, memory: Memory) -> Store {
        Store::open_with(&self.path, memory).expect("the folder is ours")
    }

    pub(crate) async fn status(&self, server: &Store, key: &PlainKey) -> u16 {
        let verified = ApiKeys::new(server.clone(), false).verify(key.reveal()).await;
        verified.map_or_else(|rejection| rejection.status().as_u16(), |_| 200)
    }

    pub(crate) fn sql(&self, sql: &str) {
        #[cfg(feature = "postgres")]
        if self.is_on_postgres() {
            return postgres::execute(&self.path, sql);
        }
        let connection = rusqlite::Connection::open(&self.path).expect("it is a database");
        connection.execute(sql, []).expect("it is SQL");
    }

    /// The same, and nobody is told of it.
    #[allow(dead_code, reason = "not every file has a test that needs it")]
    pub(crate) fn sql_in_secret(&self, sql: &str) {
        #[cfg(feature = "postgres")]
        if self.is_on_postgres() {
            return postgres::execute(
                &self.path,
                &format!("SET session_replication_role = replica; {sql}"),
            );
        }
        let connection = rusqlite::Connection::open(&self.path).expect("it is a database");
        let silent = "DROP TRIGGER api_keys_UPDATE; DROP TRIGGER clients_UPDATE;";
        connection.execute_batch(&format!("{silent} {sql}")).expect("it is SQL");
    }

    pub(crate) fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        #[cfg(feature = "postgres")]
        if self.is_on_postgres() {
            return postgres::number(&self.path, &sql);
        }
        let connection = rusqlite::Connection::open(&self.path).expect("it is a database");
        connection.query_row(&sql, [], |row| row.get(0)).expect("it is SQL")
    }

    #[cfg(feature = "postgres")]
    fn is_on_postgres(&self) -> bool {
        self.path.starts_with("postgres:")
    }

    /// An empty database, where these tests are to run on one.
    #[cfg(feature = "postgres")]
    fn on_postgres() -> Option<PathBuf> {
        if env!("CARGO_CRATE_NAME") == "suite_on_postgres" { postgres::database() } else { None }
    }

    #[cfg(not(feature = "postgres"))]
    fn on_postgres() -> Option<PathBuf> {
        None
    }

    /// The lines that name this store.
    pub(crate) fn log(&self) -> String {
        let log = String::from_utf8(LOG.lock().expect("nobody panics with it").clone())
            .expect("it is text");
        let name = self.path.to_str().expect("it is text");
        log.lines().filter(|line| line.contains(name)).map(|line| format!("{line}\n")).collect()
    }
}

/// Of all tests of this process: the watch of a store is a thread of its own.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Collector;

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn collect_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Collector).init();
    });
}

pub(crate) async fn eventually(condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(10), "it never happened");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
