//! SQLite's side of a session.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::session::{OneRow, Speak};
use crate::value::Value;
use crate::{StoreError, file};

/// A connection, and the file that it is to.
pub(crate) struct Sqlite<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) path: &'a Path,
}

impl Speak for Sqlite<'_> {
    fn name(&self) -> &Path {
        self.path
    }

    fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        let failed = || file::failed("write", self.path);
        let mut statement = self.connection.prepare(sql).map_err(failed())?;
        statement.execute(params_from_iter(values)).map_err(failed())
    }

    fn each(&self, sql: &str, values: &[Value], row: &mut OneRow<'_>) -> Result<(), StoreError> {
        let failed = || file::failed("read", self.path);
        let mut statement = self.connection.prepare(sql).map_err(failed())?;
        let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
        let mut found = statement.query(params_from_iter(values)).map_err(failed())?;
        while let Some(next) = found.next().map_err(failed())? {
            let values = (0..columns.len()).map(|column| next.get_ref(column).map(Value::from));
            row(&columns, values.collect::<Result<_, _>>().map_err(failed())?)?;
        }
        Ok(())
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null | Self::Unreadable => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(_) => Self::Unreadable,
            ValueRef::Text(text) => {
                str::from_utf8(text).map_or(Self::Unreadable, |text| Self::Text(text.to_owned()))
            }
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}
