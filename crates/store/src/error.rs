//! Everything that can go wrong with the file, one sentence each.

use std::io;
use std::path::PathBuf;

use mcp_auth::authn::apikey::KeyId;
use mcp_auth::shell;

/// Why the store did not do what it was asked. The text never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row is not what this program writes.
    #[error(
        "{path} is damaged: {what}; restore it from a copy, or move it away and make new credentials"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Table, row and column.
        what: String,
    },
    /// It is a SQLite database, but another program's.
    #[error("{0} is a database of another program; name another file with --store")]
    Foreign(PathBuf),
    /// The file system said no.
    #[error(
        "cannot {doing} {path}: {source}; check the folder, or name another with --keys, or \
         another file with --store"
    )]
    Io {
        /// `open` or `create`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner may read or change it.
    #[error("{path} can be read by others (mode {mode:o}); run: chmod 600 {word}", word = shell::word(&path.to_string_lossy()))]
    LooseMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another key has taken over from this one.
    #[error("{next} has taken over from API key {id} already; rotate that one")]
    Followed {
        /// The key.
        id: KeyId,
        /// The last of its chain.
        next: KeyId,
    },
    /// The key is revoked or has ended, and nothing takes over from it.
    #[error("API key {0} is revoked or has ended; make another with apikey create")]
    Over(KeyId),
    /// A later version of this program wrote it.
    #[error(
        "{path} has version {found} and this program knows up to {known}; use the newer program"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest version that this program knows.
        known: i64,
    },
    /// It is no SQLite database at all.
    #[error("{0} is not a credential store; name another file with --store")]
    NotADatabase(PathBuf),
    /// Another program wrote to it for longer than anybody waits.
    #[error("{0} is being changed by another program; try again")]
    Busy(PathBuf),
    /// SQLite said no.
    #[error("cannot {doing} {path}: {source}")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It is no address of a PostgreSQL server that can be used.
    #[error("--store is no address of a PostgreSQL server that can be used: {why}")]
    Address {
        /// What is wrong with it.
        why: String,
    },
    /// Two stores cannot be made one.
    #[error("{0} holds something already; name a store that is empty")]
    NotEmpty(PathBuf),
    /// A PostgreSQL server copies its databases itself.
    #[error(
        "{address} is copied by its own programs; use: pg_dump --schema=mcp_auth, or with a file as \
         --store: keygen import"
    )]
    NoCopy {
        /// The address.
        address: PathBuf,
    },
    /// The PostgreSQL server said no, or nothing.
    #[error("cannot {doing} {address}: {why}")]
    Postgres {
        /// What was tried.
        doing: &'static str,
        /// The address, in which there is no password.
        address: PathBuf,
        /// What it said.
        why: String,
    },
    /// This program was built without the feature `postgres`.
    #[error(
        "--store names a server, and this program was built for files alone; build it with --features \
         postgres, or name a file"
    )]
    WithoutPostgres,
    /// A PostgreSQL server was asked to commit, and it is not known whether it did.
    #[error(
        "{address} may have written the change or not: {why}; look at what there is before you try again"
    )]
    Uncertain {
        /// The address, in which there is no password.
        address: PathBuf,
        /// What became of the question.
        why: String,
    },
    /// There is a credential of that id.
    #[error("there is a credential of the id {0} already")]
    Taken(String),
    /// A field cannot be kept as it was given.
    #[error("the {field} {why}")]
    Unfit {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no client of that id.
    #[error("there is no client {0:?}; to see all, use: keygen client list")]
    UnknownClient(String),
    /// There is no key of that id.
    #[error("there is no API key {0}; to see all, use: keygen apikey list")]
    UnknownKey(KeyId),
}
