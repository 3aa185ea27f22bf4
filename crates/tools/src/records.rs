//! Where the tools keep what they record: one SQLite file.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::tool::Failure;

/// The version of `schema.sql`, kept in the file's `user_version`.
const VERSION: i64 = 1;

/// No table that callers add to grows beyond this many rows.
const MOST_ROWS: i64 = 500;

/// Everything that the tools record. A clone is the same store.
///
/// A new store starts with sample data, so that every tool has something to show.
#[derive(Clone)]
pub struct Records {
    connection: Arc<Mutex<Connection>>,
}

/// Why the records cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The file could not be made.
    #[error("cannot create {}: {cause}; name a file in a folder that you may write to", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is there and is no database of records.
    #[error("cannot use {} for records: {cause}; name another file, or move this one away", path.display())]
    Open {
        /// The file, or `:memory:`.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// Others than its owner may read or change the file.
    #[error("{} can be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A later version of this program made the file.
    #[error("{} was made by a later version of this program; use that version, or name another file", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The store was opened and fails now.
    #[error("the records cannot be reached: {0}")]
    Unreachable(String),
}

impl Records {
    /// Opens the file, or makes it (mode 0600) with sample data.
    ///
    /// The sample payments are those of bob, alice and charlie as `issuer` knows them:
    /// payments belong to (issuer, user).
    ///
    /// # Errors
    /// The file cannot be made, is something else, or is newer than this program.
    pub fn open(path: &Path, issuer: &str) -> Result<Self, RecordsError> {
        create_private(path)
            .map_err(|cause| RecordsError::Create { path: path.to_owned(), cause })?;
        refuse_loose(path)?;
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            Ok(connection)
        };
        Self::prepared(open(), path, issuer)
    }

    /// A store that is gone with its last clone.
    ///
    /// # Errors
    /// SQLite has no memory left.
    pub fn in_memory(issuer: &str) -> Result<Self, RecordsError> {
        Self::prepared(Connection::open_in_memory(), Path::new(":memory:"), issuer)
    }

    /// Runs `work` on one consistent state of the records.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.run(TransactionBehavior::Deferred, work).await
    }

    /// Runs `work` as one transaction: it happens whole, or an error undoes it.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.run(TransactionBehavior::Immediate, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        behaviour: TransactionBehavior,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let connection = Arc::clone(&self.connection);
        let task = tokio::task::spawn_blocking(move || {
            // A panic while the lock was held has rolled its transaction back.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(behaviour)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        });
        match task.await {
            Ok(answer) => answer,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down; nobody is left to read this.
                Err(_) => Err(Failure::caller("the server is stopping; try again later")),
            },
        }
    }

    fn prepared(
        opened: rusqlite::Result<Connection>,
        path: &Path,
        issuer: &str,
    ) -> Result<Self, RecordsError> {
        let failed = |cause| RecordsError::Open { path: path.to_owned(), cause };
        let mut connection = opened.map_err(failed)?;
        let version = prepare(&mut connection, issuer).map_err(failed)?;
        if version > VERSION {
            return Err(RecordsError::Newer { path: path.to_owned() });
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }
}

impl From<Failure> for RecordsError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Records(cause) => Self::Unreachable(cause.to_string()),
            Failure::Caller(sentence) => Self::Unreachable(sentence),
        }
    }
}

/// Refuses to add to a table that is full, so that no caller can fill the disk.
pub(crate) fn ensure_room(records: &Connection, table: &str) -> Result<(), Failure> {
    let count = format!("SELECT count(*) FROM {table}");
    let rows: i64 = records.query_row(&count, [], |row| row.get(0))?;
    if rows < MOST_ROWS {
        return Ok(());
    }
    Err(Failure::caller(format!(
        "there are {rows} records of this kind already, and there is room for no more; ask \
         whoever runs the server"
    )))
}

/// A date as SQLite keeps it: text, `2026-03-31`.
pub(crate) fn date(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<jiff::civil::Date> {
    let text: String = row.get(column)?;
    text.parse().map_err(|cause: jiff::Error| unreadable(row, column, cause))
}

/// One of the choices of an enum, kept by the name that callers use.
pub(crate) fn choice<T: serde::de::DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_value(text.into()).map_err(|cause| unreadable(row, column, cause))
}

/// The name under which [`choice`] finds it again, and callers too.
pub(crate) fn choice_name<T: serde::Serialize>(choice: &T) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("choices are enums without fields, hence strings"),
    }
}

fn unreadable(
    row: &rusqlite::Row<'_>,
    column: &str,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(cause))
}

/// Makes the file for us alone; SQLite would make it readable for all, and gives its
/// journal the mode of the file.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn refuse_loose(path: &Path) -> Result<(), RecordsError> {
    #[cfg(unix)]
    {
        let metadata = path
            .metadata()
            .map_err(|cause| RecordsError::Create { path: path.to_owned(), cause })?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(RecordsError::Loose { path: path.to_owned(), mode });
        }
    }
    Ok(())
}

/// Schema and sample data in one transaction; returns the version of the file.
fn prepare(connection: &mut Connection, issuer: &str) -> rusqlite::Result<i64> {
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Ok(version);
    }
    if version == 0 {
        transaction.execute_batch(include_str!("schema.sql"))?;
        transaction.execute_batch(include_str!("sample.sql"))?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    // Payments cannot be removed: an issuer that has none has never been here.
    transaction.execute(include_str!("sample_payments.sql"), [issuer])?;
    transaction.commit()?;
    Ok(VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        drop(Records::open(&path, "issuer").unwrap());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Records::open(&path, "issuer").err().unwrap().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    fn payments(records: &Records) -> i64 {
        let connection = records.connection.lock().unwrap();
        connection.query_row("SELECT count(*) FROM payment", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_file_is_private_and_is_filled_once_per_issuer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        assert_eq!(payments(&Records::open(&path, "a").unwrap()), 7);
        assert_eq!(payments(&Records::open(&path, "a").unwrap()), 7);
        assert_eq!(payments(&Records::open(&path, "b").unwrap()), 14);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn what_fails_halfway_is_undone() {
        let records = Records::in_memory("a").unwrap();
        let failed = records.write(|records| {
            records.execute("DELETE FROM payment", [])?;
            Err::<(), _>(Failure::caller("no"))
        });
        assert!(failed.await.is_err());
        assert_eq!(payments(&records), 7);
    }

    #[tokio::test]
    async fn a_full_table_takes_no_more() {
        let records = Records::in_memory("a").unwrap();
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
                    INSERT INTO item (name, quantity, bought) SELECT 'tea', 1, 0 FROM n";
        let answer = records.write(move |records| {
            ensure_room(records, "item")?;
            records.execute(fill, [])?;
            ensure_room(records, "item")
        });
        assert!(answer.await.unwrap_err().to_string().contains("no more"));
    }

    #[test]
    fn a_file_that_is_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        create_private(&path).unwrap();
        std::fs::write(&path, "not a database, and longer than its header would be").unwrap();
        let error = Records::open(&path, "a").err().expect("a refusal").to_string();
        assert!(error.contains("notes.txt") && error.contains("another file"), "{error}");
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("not a database"));
    }

    #[test]
    fn a_file_from_the_future_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        create_private(&path).unwrap();
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
        let error = Records::open(&path, "a").err().expect("a refusal").to_string();
        assert!(error.contains("later version"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Records::open(Path::new("/nowhere/at/all.db"), "a").err().expect("a refusal");
        assert!(error.to_string().contains("/nowhere/at/all.db"), "{error}");
    }
}
