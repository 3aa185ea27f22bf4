//! The store: changed through SQLite, asked in memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mcp_auth::Rejection;
use mcp_auth::authn::apikey::KeyId;
use mcp_auth::authn::jwt::RevokedToken;

use crate::database::{Database, is_address};
use crate::keeper::Keeper;
use crate::readers::Readers;
use crate::session::Session;
use crate::snapshot::Latest;
use crate::watch::{Bell, Watch, bell};
use crate::{
    Memory, NewClient, NewKey, StoreError, StoredClient, StoredKey, clients, keeper, keys, metrics,
    row, tokens,
};

/// API keys, clients and revoked tokens in one file, or in one PostgreSQL schema. Clones share it.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

/// What a revocation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It had been revoked at that moment already.
    Already(Timestamp),
    /// It is revoked as of this moment.
    Now(Timestamp),
}

impl Revocation {
    /// Since when it is revoked.
    pub fn since(self) -> Timestamp {
        match self {
            Self::Already(since) | Self::Now(since) => since,
        }
    }

    /// Whether it had been revoked before.
    pub fn is_old(self) -> bool {
        matches!(self, Self::Already(_))
    }
}

pub(crate) struct Inner {
    path: PathBuf,
    database: Arc<Mutex<Database>>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) latest: Arc<Latest>,
    pub(crate) keeper: Arc<Keeper>,
    /// Lets the keeper write before its time.
    pub(crate) write_now: Bell,
    /// Held for their threads. They are two, so that nobody who waits for a turn to write keeps a
    /// revocation from being seen.
    _watches: [Watch; 2],
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Not where it would have to be waited for in vain.
        if self.latest.is_absent().is_ok() {
            self.keeper.write();
        }
    }
}

impl Store {
    /// Opens the file. If it is missing it is made (0600), and so is its folder (0700). With the
    /// feature `postgres` this may be an address, `postgres://USER@HOST/DATABASE`, whose schema
    /// `mcp_auth` is made if it is missing.
    ///
    /// # Errors
    /// It cannot be opened, others may read it, or it is not a store that this program knows.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Memory::default())
    }

    /// The same, with other limits for what is kept in memory.
    ///
    /// # Errors
    /// As for [`Store::open`].
    pub fn open_with(path: &Path, memory: Memory) -> Result<Self, StoreError> {
        let database = Arc::new(Mutex::new(Database::make(path)?));
        let ((bell_of_changes, changed), (write_now, due)) = (bell(), bell());
        let latest = Arc::new(Latest::open(path, memory, bell_of_changes.clone())?);
        metrics::watch(&latest);
        let keeper = Arc::new(Keeper::new(Arc::clone(&database)));
        let (looks, writes) = (Arc::clone(&latest), Arc::clone(&keeper));
        let watches = [
            Watch::start(
                path,
                "credential-store",
                (bell_of_changes, changed),
                latest.period(),
                move || {
                    // It has said so itself, and the next look may find it again.
                    let _ = looks.refresh();
                },
            )?,
            Watch::start(
                path,
                "credential-notes",
                (write_now.clone(), due),
                keeper::PERIOD,
                move || writes.write(),
            )?,
        ];
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            database,
            readers: Readers::new(path),
            latest,
            keeper,
            write_now,
            _watches: watches,
        })))
    }

    /// Whether there may be a store: its file is there, or it is on a server, which has to be asked.
    pub fn may_exist(path: &Path) -> bool {
        is_address(path) || path.exists()
    }

    /// The file, or the address of the server.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether it is on a PostgreSQL server, and not in a file.
    pub fn is_on_a_server(&self) -> bool {
        Self::names_a_server(self.path())
    }

    /// Whether what this names is to be looked for on a PostgreSQL server.
    pub fn names_a_server(path: &Path) -> bool {
        is_address(path)
    }

    /// Whether all credentials can be judged now, those too that were made a moment ago.
    ///
    /// # Errors
    /// The file cannot be read. What is known goes on for a while all the same.
    pub fn ready(&self) -> Result<(), Rejection> {
        self.0.latest.is_absent()
    }

    /// Keeps a key.
    ///
    /// # Errors
    /// A field cannot be kept, the id is taken, or the file cannot be written.
    pub fn insert_key(&self, key: NewKey) -> Result<(), StoreError> {
        self.change(|change| change.insert_key(&key))
    }

    /// Keeps a key if `handed_over` succeeds: nothing is kept of a key that nobody received.
    ///
    /// # Errors
    /// As for [`Store::insert_key`], and what `handed_over` says.
    pub fn insert_key_when<E: From<StoreError>>(
        &self,
        key: NewKey,
        handed_over: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        self.change(|change| {
            change.insert_key(&key)?;
            handed_over()
        })
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// The file, or a row of it, cannot be read.
    pub fn list_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let keys = self.read(keys::all)?;
        keys.into_iter().map(|row| row.map(|(key, _)| key)).collect()
    }

    /// Refuses a key from now on, in every process that has the file open.
    ///
    /// # Errors
    /// There is no such key, or the file cannot be written, or read again after that.
    pub fn revoke_key(&self, id: KeyId) -> Result<Revocation, StoreError> {
        self.revoke_by(|change| {
            change.revoke("api_keys", &id.to_string())?.ok_or(StoreError::UnknownKey(id))
        })
    }

    /// Keeps a client.
    ///
    /// # Errors
    /// A field cannot be kept, the id is taken, or the file cannot be written.
    pub fn insert_client(&self, client: NewClient) -> Result<(), StoreError> {
        self.change(|change| change.insert_client(&client))
    }

    /// Keeps a client if `handed_over` succeeds: nothing is kept of a secret that nobody received.
    ///
    /// # Errors
    /// As for [`Store::insert_client`], and what `handed_over` says.
    pub fn insert_client_when<E: From<StoreError>>(
        &self,
        client: NewClient,
        handed_over: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        self.change(|change| {
            change.insert_client(&client)?;
            handed_over()
        })
    }

    /// All clients, the oldest first.
    ///
    /// # Errors
    /// The file, or a row of it, cannot be read.
    pub fn list_clients(&self) -> Result<Vec<StoredClient>, StoreError> {
        let clients = self.read(clients::all)?;
        clients.into_iter().map(|row| row.map(|(client, _)| client)).collect()
    }

    /// Gives a client no more tokens, and refuses those that it has from now on.
    ///
    /// # Errors
    /// There is no such client, or the file cannot be written, or read again after that.
    pub fn revoke_client(&self, id: &str) -> Result<Revocation, StoreError> {
        self.revoke_by(|change| {
            change.revoke("clients", id)?.ok_or_else(|| StoreError::UnknownClient(id.to_owned()))
        })
    }

    /// Refuses a token from now on, in every process that has the file open. It is remembered
    /// until it has ended. If its client has [`MOST_REVOKED`](crate::MOST_REVOKED) of them, all
    /// that the client was issued so far are refused with it.
    ///
    /// # Errors
    /// A field cannot be kept, or the file cannot be written, or read again after that.
    pub fn revoke_token(&self, token: &RevokedToken) -> Result<Revocation, StoreError> {
        self.revoke_by(|change| change.revoke_token(token))
    }

    /// Whether a key of [`demo`](crate::demo) is in force.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn has_demo_keys(&self) -> Result<bool, StoreError> {
        self.has_demo("api_keys")
    }

    /// Whether a client of [`demo`](crate::demo) is in force.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn has_demo_clients(&self) -> Result<bool, StoreError> {
        self.has_demo("clients")
    }

    /// Does all of `work` or nothing, while no other process writes.
    ///
    /// # Errors
    /// What `work` says, or the file cannot be written.
    pub(crate) fn change<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = self.database().change(|session| {
            tokens::purge(session)?;
            work(&Change { session })
        })?;
        // Whoever must not go on without it asks again; the others' turn comes with the next look.
        let _ = self.0.latest.refresh();
        Ok(done)
    }

    /// A revocation is none before memory knows of it.
    pub(crate) fn revoke_by<T>(
        &self,
        work: impl FnOnce(&Change<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let revoked = self.change(work)?;
        self.0.latest.refresh()?;
        Ok(revoked)
    }

    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.database().read(work)
    }

    fn has_demo(&self, table: &'static str) -> Result<bool, StoreError> {
        let sql = format!("SELECT id FROM {table} WHERE demo <> 0 AND revoked IS NULL LIMIT 1");
        self.read(|session| Ok(!session.ids(table, &sql, &[])?.is_empty()))
    }

    pub(crate) fn database(&self) -> MutexGuard<'_, Database> {
        // A transaction that a panic left behind was rolled back when it was dropped.
        self.0.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One change to the file, under way.
pub(crate) struct Change<'a> {
    pub(crate) session: &'a Session<'a>,
}

impl Change<'_> {
    pub(crate) fn insert_key(&self, key: &NewKey) -> Result<(), StoreError> {
        key.check()?;
        let kept = key.insert(self.session)?;
        if kept { Ok(()) } else { Err(StoreError::Taken(key.id.to_string())) }
    }

    pub(crate) fn insert_client(&self, client: &NewClient) -> Result<(), StoreError> {
        client.check()?;
        let kept = client.insert(self.session)?;
        if kept { Ok(()) } else { Err(StoreError::Taken(client.id.clone())) }
    }

    fn revoke_token(&self, token: &RevokedToken) -> Result<Revocation, StoreError> {
        tokens::revoke(self.session, token)
    }

    /// Whether there is no row at all in this table, revoked ones included.
    pub(crate) fn is_empty(&self, table: &'static str) -> Result<bool, StoreError> {
        let sql = format!("SELECT count(*) AS rows FROM {table}");
        let rows: Option<i64> = self.session.first(table, "rows", &sql, &[])?;
        Ok(rows == Some(0))
    }

    /// `None` if there is no such row. No other column is looked at: what cannot be read can
    /// still be revoked.
    pub(crate) fn revoke(
        &self,
        table: &'static str,
        id: &str,
    ) -> Result<Option<Revocation>, StoreError> {
        let sql = format!("SELECT revoked FROM {table} WHERE id = ?1");
        match row::revoked_before(self.session, table, &sql, id)? {
            None => Ok(None),
            Some(Some(then)) => Ok(Some(Revocation::Already(then))),
            Some(None) => {
                let now = Timestamp::now();
                let sql = format!("UPDATE {table} SET revoked = ?2 WHERE id = ?1");
                self.session.execute(&sql, &[id.into(), row::time(now).into()])?;
                Ok(Some(Revocation::Now(now)))
            }
        }
    }
}
