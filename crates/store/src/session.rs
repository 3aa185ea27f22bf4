//! What is said to the database, and what it answers. All SQL but that of the tables goes through here.

use std::path::Path;

use crate::StoreError;
use crate::value::{FromValue, Value};

/// How many rows are read at once of a table that may have any number of them.
#[cfg(not(test))]
const PAGE: usize = 10_000;
#[cfg(test)]
const PAGE: usize = 100;

/// How many ids one question names.
const IDS: usize = 500;

/// What is done with the columns and the values of one row.
pub(crate) type OneRow<'a> = dyn FnMut(&[String], Vec<Value>) -> Result<(), StoreError> + 'a;

/// What every database can do.
pub(crate) trait Speak {
    /// Its file, or its address.
    fn name(&self) -> &Path;

    /// Changes rows, and says how many.
    fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError>;

    /// Asks for rows, each of which comes with the names of its columns.
    fn each(&self, sql: &str, values: &[Value], row: &mut OneRow<'_>) -> Result<(), StoreError>;
}

/// A connection within one transaction.
pub(crate) struct Session<'a>(&'a dyn Speak);

/// Where the same tables can be read again and again: at one moment, or at one after another.
pub(crate) trait Moments {
    /// Reads at the next one.
    fn read<T>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;
}

/// Always the same one.
impl Moments for &Session<'_> {
    fn read<T>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(self)
    }
}

/// One row that the database answered with.
pub(crate) struct Row<'a> {
    name: &'a Path,
    table: &'static str,
    columns: &'a [String],
    values: Vec<Value>,
}

/// All rows of a table in the order in which they were made, of which few are in memory at once, and each
/// few are of one moment. `columns` are what is read of them, and `join` of others.
pub(crate) fn all(
    from: &mut impl Moments,
    table: &'static str,
    columns: &str,
    join: &str,
    mut row: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {table}.rowid, {columns} FROM {table} {join} WHERE {table}.rowid > ?1
         ORDER BY {table}.rowid LIMIT {PAGE}"
    );
    let mut last = i64::MIN;
    loop {
        let (after, mut rows) = (last, 0);
        from.read(|session| {
            session.each(table, &sql, &[after.into()], |found| {
                last = found.get("rowid")?;
                rows += 1;
                row(found)
            })
        })?;
        if rows < PAGE {
            return Ok(());
        }
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(connection: &'a dyn Speak) -> Self {
        Self(connection)
    }

    /// Its file, or its address.
    pub(crate) fn name(&self) -> &Path {
        self.0.name()
    }

    /// Changes rows, and says how many.
    pub(crate) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        self.0.execute(sql, values)
    }

    /// Asks for rows. `table` is where a row comes from that turns out to be damaged.
    pub(crate) fn each(
        &self,
        table: &'static str,
        sql: &str,
        values: &[Value],
        mut row: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.0.each(sql, values, &mut |columns, values| {
            row(&Row { name: self.0.name(), table, columns, values })
        })
    }

    /// The rows that have one of these ids. `sql` ends where they are to be named.
    pub(crate) fn each_of<'i>(
        &self,
        table: &'static str,
        sql: &str,
        ids: impl IntoIterator<Item = &'i String>,
        mut row: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let ids: Vec<Value> = ids.into_iter().map(Value::from).collect();
        for some in ids.chunks(IDS) {
            let places: Vec<_> = (1..=some.len()).map(|at| format!("?{at}")).collect();
            self.each(table, &format!("{sql} IN ({})", places.join(", ")), some, &mut row)?;
        }
        Ok(())
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
        StoreError::Damaged { path: self.name.to_owned(), what }
    }

    fn value(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.values.get(at)
    }
}
