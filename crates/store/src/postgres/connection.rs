//! What is said to the server and waited for. Whoever waits is a thread, on a runtime or not: the
//! connection lives on a runtime of its own.

use std::future::{Future, poll_fn};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Column, Config, Error, NoTls, Row, Socket};
use tokio_postgres_rustls_improved::MakeRustlsConnect;

use super::address::Address;
use crate::StoreError;
use crate::session::{OneRow, Speak};
use crate::value::Value;
use crate::watch::Bell;

/// Longer than the server itself lets a statement or a lock take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Nothing else of the database is found: PostgreSQL's own names come before those of the schema by
/// themselves, and temporary ones after them. A commit is one when it is on disk, whatever the
/// server's own setting says.
const SETTINGS: &str = "
SET search_path = mcp_auth, pg_temp;
SET statement_timeout = '10s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '60s';
SET synchronous_commit = on;
";

static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("credential-store-io")
        .enable_all()
        .build()
});

pub(crate) struct Connection {
    client: Arc<Client>,
    name: PathBuf,
}

impl Connection {
    /// The bell rings when another one changed something.
    pub(super) fn open(address: &Address, bell: Option<&Bell>) -> Result<Self, StoreError> {
        let (config, name, bell) = (address.config.clone(), address.name(), bell.cloned());
        let client = match &address.tls {
            None => wait(name, "reach", connect(config, NoTls, bell))?,
            Some(tls) => {
                let tls = MakeRustlsConnect::new(tls.clone());
                wait(name, "reach", connect(config, tls, bell))?
            }
        };
        Ok(Self { client: Arc::new(client), name: name.to_owned() })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Statements without values.
    pub(super) fn batch(&self, doing: &'static str, sql: &str) -> Result<(), StoreError> {
        let (client, sql) = (Arc::clone(&self.client), sql.to_owned());
        wait(&self.name, doing, async move { client.batch_execute(&sql).await })
    }
}

impl Speak for Connection {
    fn name(&self) -> &Path {
        &self.name
    }

    fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        let (client, sql, values) = (Arc::clone(&self.client), numbered(sql), values.to_vec());
        let changed =
            wait(
                &self.name,
                "write",
                async move { client.execute_typed(&sql, &typed(&values)).await },
            )?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    fn each(&self, sql: &str, values: &[Value], row: &mut OneRow<'_>) -> Result<(), StoreError> {
        let (client, sql, values) = (Arc::clone(&self.client), numbered(sql), values.to_vec());
        let rows =
            wait(
                &self.name,
                "read",
                async move { client.query_typed(&sql, &typed(&values)).await },
            )?;
        let Some(first) = rows.first() else { return Ok(()) };
        let columns: Vec<_> = first.columns().iter().map(|it| it.name().to_owned()).collect();
        for found in &rows {
            let values = found.columns().iter().enumerate().map(|(at, it)| value(found, at, it));
            row(&columns, values.collect())?;
        }
        Ok(())
    }
}

async fn connect<T>(config: Config, tls: T, bell: Option<Bell>) -> Result<Client, Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, mut connection) = config.connect(tls).await?;
    let listens = bell.is_some();
    tokio::spawn(async move {
        // Whoever asks next is told what went wrong.
        while let Some(Ok(said)) = poll_fn(|context| connection.poll_message(context)).await {
            if let (AsyncMessage::Notification(_), Some(bell)) = (said, &bell) {
                bell.ring();
            }
        }
    });
    client.batch_execute(SETTINGS).await?;
    if listens {
        client.batch_execute("LISTEN mcp_auth").await?;
    }
    Ok(client)
}

fn wait<T: Send + 'static>(
    name: &Path,
    doing: &'static str,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, StoreError> {
    let failed = |why: String| StoreError::Postgres { doing, address: name.to_owned(), why };
    let runtime = RUNTIME.as_ref().map_err(|error| failed(error.to_string()))?;
    let (tell, told) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        // Nobody waits any more where this fails.
        let _ = tell.send(timeout(PATIENCE, work).await);
    });
    match told.recv() {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) => Err(named(error, name, failed)),
        Ok(Err(_)) => Err(failed(format!("no answer within {} s", PATIENCE.as_secs()))),
        Err(_) => Err(failed("the question was given up".to_owned())),
    }
}

/// The server's own words, without the values that it may add to them.
fn named(error: Error, name: &Path, failed: impl FnOnce(String) -> StoreError) -> StoreError {
    match error.as_db_error() {
        Some(said) if *said.code() == SqlState::LOCK_NOT_AVAILABLE => {
            StoreError::Busy(name.to_owned())
        }
        Some(said) => failed(said.message().to_owned()),
        None => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            failed(format!("{error}{}", cause.unwrap_or_default()))
        }
    }
}

/// SQLite says `?1` where PostgreSQL says `$1`. No text of ours has a question mark.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

fn typed(values: &[Value]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    const NOTHING: Option<&str> = None;
    let typed = values.iter().map(|value| -> (&(dyn ToSql + Sync), Type) {
        match value {
            // Only columns of text may be empty.
            Value::Null | Value::Unreadable => (&NOTHING, Type::TEXT),
            Value::Integer(number) => (number, Type::INT8),
            Value::Text(text) => (text, Type::TEXT),
            Value::Blob(bytes) => (bytes, Type::BYTEA),
        }
    });
    typed.collect()
}

fn value(row: &Row, at: usize, column: &Column) -> Value {
    let read = match *column.type_() {
        Type::INT8 => row.try_get(at).map(|it: Option<i64>| it.map(Value::Integer)),
        Type::TEXT => row.try_get(at).map(|it: Option<String>| it.map(Value::Text)),
        Type::BYTEA => row.try_get(at).map(|it: Option<Vec<u8>>| it.map(Value::Blob)),
        _ => Ok(Some(Value::Unreadable)),
    };
    read.map_or(Value::Unreadable, |found| found.unwrap_or(Value::Null))
}
