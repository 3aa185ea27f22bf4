//! The database alone: it is changed, and what it holds is listed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mcp_auth::authn::apikey::KeyId;
use mcp_auth::authn::jwt::RevokedToken;

use crate::database::{Database, is_address};
use crate::latest::Latest;
use crate::session::{Moments, Session};
use crate::{
    NewClient, NewKey, Revocation, StoreError, StoredClient, StoredKey, clients, keys, row, tokens,
};

/// API keys, clients and revoked tokens in one file, or in one PostgreSQL schema. Nothing of it is in
/// memory: for programs that change or list what is there, and end.
pub struct Ledger {
    path: PathBuf,
    pub(crate) database: Arc<Mutex<Database>>,
    /// Who answers from memory in this process, and is told of a change at once.
    memory: Option<Arc<Latest>>,
}

impl Ledger {
    /// Opens the file. If it is missing it is made (0600), and so is its folder (0700). With the
    /// feature `postgres` this may be an address, `postgres://USER@HOST/DATABASE`, whose schema
    /// `mcp_auth` is made if it is missing.
    ///
    /// # Errors
    /// It cannot be opened, others may read it, or it is not a store that this program knows.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Arc::new(Mutex::new(Database::make(path)?));
        Ok(Self { path: path.to_owned(), database, memory: None })
    }

    /// The same, with someone who is told of changes.
    pub(crate) fn told_to(self, memory: Arc<Latest>) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Whether there may be one: its file is there, or it is on a server, which has to be asked.
    pub fn may_exist(path: &Path) -> bool {
        is_address(path) || path.exists()
    }

    /// The file, or the address of the server.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is on a PostgreSQL server, and not in a file.
    pub fn is_on_a_server(&self) -> bool {
        Self::names_a_server(self.path())
    }

    /// Whether what this names is to be looked for on a PostgreSQL server.
    pub fn names_a_server(path: &Path) -> bool {
        is_address(path)
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
    /// As for [`Ledger::insert_key`], and what `handed_over` says.
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

    /// All keys, the oldest first. Of more than ten thousand, some may be older than what others show.
    ///
    /// # Errors
    /// The file, or a row of it, cannot be read.
    pub fn list_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let keys = keys::all(&mut *self.database())?;
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
    /// As for [`Ledger::insert_client`], and what `handed_over` says.
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

    /// All clients, the oldest first. Of more than ten thousand, some may be older than what others show.
    ///
    /// # Errors
    /// The file, or a row of it, cannot be read.
    pub fn list_clients(&self) -> Result<Vec<StoredClient>, StoreError> {
        let clients = clients::all(&mut *self.database())?;
        clients.into_iter().map(|row| row.map(|(client, _)| client)).collect()
    }

    /// Whether there is such a client, which may be revoked.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn has_client(&self, id: &str) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM clients WHERE id = ?1";
        self.read(|session| Ok(!session.ids("clients", sql, &[id.into()])?.is_empty()))
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
        if let Some(memory) = &self.memory {
            // Whoever must not go on without it asks again; the others' turn comes with the next look.
            let _ = memory.refresh();
        }
        Ok(done)
    }

    /// A revocation is none before memory knows of it.
    pub(crate) fn revoke_by<T>(
        &self,
        work: impl FnOnce(&Change<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let revoked = self.change(work)?;
        self.memory.as_ref().map_or(Ok(()), |memory| memory.refresh())?;
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
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
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
