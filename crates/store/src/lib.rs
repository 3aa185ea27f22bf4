//! Where credentials live: API keys, OAuth clients and revoked tokens in one SQLite file, or with
//! the feature `postgres` in one schema of a PostgreSQL server.
//!
//! Either holds digests, never a credential. Whoever asks is answered from memory: a
//! [`Store`] keeps a snapshot of the database and a thread that looks for changes, so that a key
//! which another process revokes is refused within a quarter of a second, or within one where the
//! store is on a server. A file that is replaced is followed, and a connection that is lost comes
//! back; a database that cannot be read for [`Memory::grace`] leaves every credential refused.
//!
//! - [`Ledger`] opens the file, changes it and lists what it holds.
//! - [`Store`] is a ledger that answers the layers of `mcp-auth` from memory.
//! - [`NewKey`], [`StoredKey`], [`NewClient`] and [`StoredClient`] are its rows.
//! - [`demo`] makes what a first run needs.

mod answers;
mod backup;
mod changes;
mod clients;
mod database;
pub mod demo;
mod error;
mod file;
mod heads;
mod held;
mod import;
mod keeper;
mod keys;
mod latest;
mod ledger;
mod metrics;
mod opened;
#[cfg(feature = "postgres")]
mod postgres;
mod readers;
mod records;
mod revoke;
mod rotate;
mod row;
mod session;
mod shards;
mod signing_keys;
mod snapshot;
mod sqlite;
mod store;
mod tables;
mod tokens;
mod uses;
mod value;
mod watch;

use std::time::Duration;

pub use clients::{NewClient, StoredClient};
pub use error::StoreError;
pub use import::Imported;
pub use keys::{NewKey, StoredKey};
pub use ledger::Ledger;
pub use revoke::{EndedUser, Revocation};
pub use signing_keys::{SigningKey, StoredSigningKey};
pub use store::Store;
pub use tokens::MOST_REVOKED;

/// The file's usual name within the keys folder.
pub const FILE_NAME: &str = "credentials.db";

/// What a [`Store`] keeps in memory, and for how long that counts. All ids are in memory in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// For how long it goes by what it read last when the file cannot be read: credentials that it
    /// knows go on, and a revocation that somebody makes meanwhile is not seen. Whatever it does not
    /// know, and after that time everything, it answers with
    /// [`Rejection::unavailable`](mcp_auth::Rejection::unavailable) until it can be read.
    pub grace: Duration,
    /// How many keys are held, and how many clients. Of more than that it holds those that were asked
    /// for, and any other is looked up when it is.
    pub records: usize,
}

/// A minute, and a million of each, which is about a gigabyte if there are so many.
impl Default for Memory {
    fn default() -> Self {
        Self { grace: Duration::from_secs(60), records: 1_000_000 }
    }
}

/// Who vouches for the owner of an API key: [`Identity::issuer`](mcp_auth::Identity::issuer) of every key.
pub const KEY_ISSUER: &str = "urn:mcp-auth:keys";
