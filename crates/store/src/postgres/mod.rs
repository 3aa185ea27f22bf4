//! A schema on a PostgreSQL server, which several servers and `keygen` share.

mod address;
mod connection;
mod tables;

use std::path::Path;

use self::address::Address;
use self::connection::Connection;
use crate::StoreError;
use crate::session::Session;
use crate::watch::Bell;

/// A connection that comes back by itself when it is lost.
pub(crate) struct Postgres {
    address: Address,
    /// Rings when another connection changed something.
    bell: Option<Bell>,
    /// `None`: it was lost, or something went wrong in the middle of a transaction.
    connection: Option<Connection>,
}

impl Postgres {
    /// Connects, and makes the tables if they are not there.
    pub(crate) fn make(name: &Path, bell: Option<Bell>) -> Result<Self, StoreError> {
        let address = Address::parse(name)?;
        let connection = Connection::open(&address, bell.as_ref())?;
        tables::make(&connection)?;
        Ok(Self { address, bell, connection: Some(connection) })
    }

    /// One whose tables are there, which it connects to when it is asked.
    pub(crate) fn existing(name: &Path) -> Result<Self, StoreError> {
        Ok(Self { address: Address::parse(name)?, bell: None, connection: None })
    }

    pub(crate) fn name(&self) -> &Path {
        self.address.name()
    }

    /// Connects anew if the connection was lost.
    pub(crate) fn follow(&mut self) -> Result<(), StoreError> {
        self.connection = Some(self.take()?);
        Ok(())
    }

    pub(crate) fn change<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.within(tables::CHANGE, "write", work)
    }

    pub(crate) fn read<T>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.within("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "read", work)
    }

    /// A single question, which needs no transaction.
    pub(crate) fn ask<T>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = self.take()?;
        let answer = work(&Session::new(&connection));
        // Where nothing was answered, nothing may be answered to the next question either.
        if !matches!(answer, Err(StoreError::Postgres { .. })) {
            self.connection = Some(connection);
        }
        answer
    }

    fn within<T, E: From<StoreError>>(
        &mut self,
        begin: &str,
        doing: &'static str,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // Put back when all is well: whatever happens in between, a panic too, leaves a connection
        // whose transaction is open, and closing it takes everything back.
        let connection = self.take()?;
        connection.batch(doing, begin)?;
        match work(&Session::new(&connection)) {
            Ok(done) => {
                // Where anything failed in it, COMMIT alone would take all back and say nothing.
                connection.batch(doing, "SELECT 1")?;
                connection.batch(doing, "COMMIT").map_err(|error| self.uncertain(error))?;
                self.connection = Some(connection);
                Ok(done)
            }
            Err(error) => {
                if connection.batch(doing, "ROLLBACK").is_ok() {
                    self.connection = Some(connection);
                }
                Err(error)
            }
        }
    }

    /// The connection, or a new one if it was lost. Nothing is made: an empty database that came in the
    /// place of ours is an error.
    fn take(&mut self) -> Result<Connection, StoreError> {
        if let Some(connection) = self.connection.take().filter(|it| !it.is_closed()) {
            return Ok(connection);
        }
        let connection = Connection::open(&self.address, self.bell.as_ref())?;
        tables::check(&connection)?;
        Ok(connection)
    }

    /// Of a commit that was asked for and not answered.
    fn uncertain(&self, error: StoreError) -> StoreError {
        let address = self.address.name().to_owned();
        StoreError::Uncertain { address, why: error.to_string() }
    }
}
