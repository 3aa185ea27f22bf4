//! The file: who may read it, and whether it is one of ours.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::StoreError;
use crate::tables::TABLES;

/// For how long anybody waits while another process writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// `mcpa`: tells our files from other programs'.
const APPLICATION_ID: i64 = 0x6d63_7061;
/// The version of a file that has all of [`TABLES`].
const VERSION: i64 = TABLES.len() as i64;

/// Opens the file, made and given its tables if it was not there.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    make_private(path)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        // SQLite does not wait where waiting could deadlock, as on the way out of WAL.
        match connect(path).and_then(|(connection, _)| with_tables(connection, path)) {
            Err(StoreError::Busy(_)) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

/// Opens a file that was a store before. Nothing is made: where the store is gone, an empty
/// one must not come in its place unseen. A copy of an older version is brought up to date.
pub(crate) fn reopen(path: &Path) -> Result<Connection, StoreError> {
    check_private(path)?;
    let (connection, version) = connect(path)?;
    match version {
        0 => Err(StoreError::NotADatabase(path.to_owned())),
        VERSION => Ok(connection),
        _ => with_tables(connection, path),
    }
}

/// Names what SQLite said as one of our errors.
pub(crate) fn failed<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(rusqlite::Error) -> StoreError + 'a {
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy(path.to_owned())
        }
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase(path.to_owned()),
        _ => StoreError::Sqlite { doing, path: path.to_owned(), source },
    }
}

/// Makes the file if it is missing; SQLite gives its companions the same mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let io = |doing| move |source| StoreError::Io { doing, path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io("create"))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io("create")(error)),
    }
    check_private(path)
}

fn check_private(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::metadata(path).map_err(|source| StoreError::Io {
        doing: "open",
        path: path.to_owned(),
        source,
    })?;
    if !metadata.is_file() {
        return Err(StoreError::NotADatabase(path.to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(StoreError::LooseMode { path: path.to_owned(), mode });
    }
    Ok(())
}

/// With the version of its tables: 0 if it has none.
fn connect(path: &Path) -> Result<(Connection, i64), StoreError> {
    // Neither CREATE nor URI: the file is there, and its name means only itself.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open", path))?;
    connection.busy_timeout(PATIENCE).map_err(failed("open", path))?;
    // First of all: a foreign file must not be changed, not even its journal mode.
    let version = recognise(&connection, path)?;
    connection
        .execute_batch(
            // DELETE and not WAL: the file alone is all there is to copy and to put back. A
            // WAL that lies beside a restored file would write the newer state over it.
            // FULL: a revocation that was reported has to survive a power cut.
            "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;",
        )
        .map_err(failed("open", path))?;
    Ok((connection, version))
}

/// Adds the tables that the file has not yet.
fn with_tables(mut connection: Connection, path: &Path) -> Result<Connection, StoreError> {
    let failed = |doing| failed(doing, path);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("open"))?;
    // Two processes may start at once; the second finds the tables.
    let version = number(&transaction, path, "PRAGMA user_version")?;
    let missing = usize::try_from(version).ok().and_then(|version| TABLES.get(version..));
    let missing = missing.unwrap_or_default().concat();
    if !missing.is_empty() {
        transaction
            .execute_batch(&format!(
                "{missing} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            ))
            .map_err(failed("create the tables in"))?;
    }
    transaction.commit().map_err(failed("create the tables in"))?;
    Ok(connection)
}

fn number(connection: &Connection, path: &Path, sql: &str) -> Result<i64, StoreError> {
    connection.query_row(sql, [], |row| row.get(0)).map_err(failed("read", path))
}

/// The version of its tables.
fn recognise(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |sql| number(connection, path, sql);
    let empty = number("SELECT count(*) FROM sqlite_master")? == 0;
    let version = number("PRAGMA user_version")?;
    if empty && version == 0 {
        return Ok(0);
    }
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/credentials.db");
        let connection = open(&path).unwrap();
        connection.execute("DELETE FROM clients", []).unwrap();
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn what_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.db");
        drop(open(&path).unwrap());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.db");
        let private = |text: &[u8]| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        private(&b"not a database ".repeat(100));
        assert!(matches!(open(&path), Err(StoreError::NotADatabase(_))));
        private(b"");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
        let before = fs::read(&path).unwrap();
        assert!(matches!(open(&path), Err(StoreError::Foreign(_))));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(matches!(open(folder.path()), Err(StoreError::NotADatabase(_))));
    }

    #[test]
    fn a_newer_version_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.db");
        open(&path).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("version 9") && error.contains("up to 8"), "{error}");
    }

    #[test]
    fn an_older_version_is_brought_up_to_date_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.db");
        make_private(&path).unwrap();
        let older = Connection::open(&path).unwrap();
        older.execute_batch(TABLES[0]).unwrap();
        let insert = "INSERT INTO clients (id, digest, owner, name, scopes, created)
            VALUES ('c', zeroblob(32), 'bob', 'Report', '[]', '2026-01-01T00:00:00Z')";
        older.execute(insert, []).unwrap();
        let pragmas = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1");
        older.execute_batch(&pragmas).unwrap();
        drop(older);

        for connection in [open(&path).unwrap(), reopen(&path).unwrap()] {
            assert_eq!(number(&connection, &path, "PRAGMA user_version").unwrap(), VERSION);
            let count = |table| format!("SELECT count(*) FROM {table}");
            assert_eq!(number(&connection, &path, &count("clients")).unwrap(), 1);
            for table in
                ["revoked_tokens", "revoked_until", "revoked_users", "revoked_signing_keys"]
            {
                assert_eq!(number(&connection, &path, &count(table)).unwrap(), 0);
            }
        }
    }

    #[test]
    fn many_may_open_a_new_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.db");
        thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path).map(drop))).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
    }
}
