//! What is said to the database, and what it answers. All SQL but that of the tables goes through here.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::value::{FromValue, Value};
use crate::{StoreError, file};

/// What is done with the columns and the values of one row.
pub(crate) type OneRow<'a> = dyn FnMut(&[String], Vec<Value>) -> Result<(), StoreError> + 'a;

/// What every database can do.
pub(crate) trait Speak {
    /// Changes rows, and says how many.
    fn execute(&self, path: &Path, sql: &str, values: &[Value]) -> Result<usize, StoreError>;

    /// Asks for rows, each of which comes with the names of its columns.
    fn each(
        &self,
        path: &Path,
        sql: &str,
        values: &[Value],
        row: &mut OneRow<'_>,
    ) -> Result<(), StoreError>;
}

/// A connection within one transaction.
pub(crate) struct Session<'a> {
    connection: &'a dyn Speak,
    path: &'a Path,
}

/// One row that the database answered with.
pub(crate) struct Row<'a> {
    path: &'a Path,
    table: &'static str,
    columns: &'a [String],
    values: Vec<Value>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(connection: &'a dyn Speak, path: &'a Path) -> Self {
        Self { connection, path }
    }

    /// Changes rows, and says how many.
    pub(crate) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        self.connection.execute(self.path, sql, values)
    }

    /// Asks for rows. `table` is where a row comes from that turns out to be damaged.
    pub(crate) fn each(
        &self,
        table: &'static str,
        sql: &str,
        values: &[Value],
        mut row: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.connection.each(self.path, sql, values, &mut |columns, values| {
            row(&Row { path: self.path, table, columns, values })
        })
    }

    /// The value of one column in the first row that is found.
    pub(crate) fn first<T: FromValue>(
        &self,
        table: &'static str,
        column: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<T>, StoreError> {
        let mut first = None;
        self.each(table, sql, values, |row| {
            if first.is_none() {
                first = Some(row.get(column)?);
            }
            Ok(())
        })?;
        Ok(first)
    }

    /// The ids of the rows that are found.
    pub(crate) fn ids(
        &self,
        table: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<String>, StoreError> {
        let mut ids = Vec::new();
        self.each(table, sql, values, |row| {
            ids.push(row.get("id")?);
            Ok(())
        })?;
        Ok(ids)
    }
}

impl Row<'_> {
    /// # Errors
    /// There is no such column, or something else stands there.
    pub(crate) fn get<T: FromValue>(&self, column: &'static str) -> Result<T, StoreError> {
        self.value(column).and_then(T::from_value).ok_or_else(|| self.damaged(column))
    }

    pub(crate) fn damaged(&self, column: &'static str) -> StoreError {
        let id = self.value("id").and_then(String::from_value).unwrap_or_default();
        let what = format!("{column} of {} {id:?} is not readable", self.table);
        StoreError::Damaged { path: self.path.to_owned(), what }
    }

    fn value(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.values.get(at)
    }
}

impl Speak for Connection {
    fn execute(&self, path: &Path, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        let failed = || file::failed("write", path);
        let mut statement = self.prepare(sql).map_err(failed())?;
        statement.execute(params_from_iter(values)).map_err(failed())
    }

    fn each(
        &self,
        path: &Path,
        sql: &str,
        values: &[Value],
        row: &mut OneRow<'_>,
    ) -> Result<(), StoreError> {
        let failed = || file::failed("read", path);
        let mut statement = self.prepare(sql).map_err(failed())?;
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
