//! The database that holds the credentials: a SQLite file, or a schema on a PostgreSQL server.

use std::path::Path;
use std::time::Duration;

use crate::StoreError;
use crate::opened::{Mark, Opened};
#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::session::{Moments, Session};
use crate::watch::Bell;

/// A connection to one.
pub(crate) enum Database {
    Sqlite(Opened),
    #[cfg(feature = "postgres")]
    Postgres(Box<Postgres>),
}

/// What can be seen of a database without reading a table.
#[derive(Clone, Copy)]
pub(crate) enum Glance {
    /// A file, and SQLite's `data_version` of it.
    File(Mark, i64),
    /// A server, which has to be asked.
    #[cfg(feature = "postgres")]
    Server,
}

impl Database {
    /// Opens it, made and given its tables if it was not there.
    pub(crate) fn make(name: &Path) -> Result<Self, StoreError> {
        if !is_address(name) {
            return Opened::make(name).map(Self::Sqlite);
        }
        #[cfg(feature = "postgres")]
        return Postgres::make(name, None).map(|postgres| Self::Postgres(Box::new(postgres)));
        #[cfg(not(feature = "postgres"))]
        Err(StoreError::WithoutPostgres)
    }

    /// Opens one that is there.
    pub(crate) fn existing(name: &Path) -> Result<Self, StoreError> {
        #[cfg(feature = "postgres")]
        if is_address(name) {
            return Postgres::existing(name).map(|postgres| Self::Postgres(Box::new(postgres)));
        }
        Opened::existing(name).map(Self::Sqlite)
    }

    /// The same as [`Self::make`], and the bell rings when it changed, where the database says so by itself.
    pub(crate) fn heard(name: &Path, bell: Bell) -> Result<Self, StoreError> {
        #[cfg(feature = "postgres")]
        if is_address(name) {
            let postgres = Postgres::make(name, Some(bell))?;
            return Ok(Self::Postgres(Box::new(postgres)));
        }
        drop(bell);
        Self::make(name)
    }

    /// How often it is to be asked whether it changed.
    pub(crate) fn period(&self) -> Duration {
        match self {
            // One question costs some microseconds, and nobody else would say so.
            Self::Sqlite(_) => Duration::from_millis(100),
            // In case that it was said and not heard.
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Duration::from_millis(250),
        }
    }

    /// Its file, or its address.
    pub(crate) fn name(&self) -> &Path {
        match self {
            Self::Sqlite(opened) => &opened.path,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.name(),
        }
    }

    /// Does all of `work` or nothing, while no other process writes.
    ///
    /// # Errors
    /// What `work` says, or it cannot be written.
    pub(crate) fn change<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(opened) => opened.change(work),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.change(work),
        }
    }

    /// Looks whether it is still there, and opens it anew if it is another.
    pub(crate) fn glance(&mut self) -> Result<Glance, StoreError> {
        match self {
            Self::Sqlite(opened) => Ok(Glance::File(opened.follow()?, opened.data_version()?)),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.follow().map(|()| Glance::Server),
        }
    }

    /// A single question, for which a moment is none to speak of.
    ///
    /// # Errors
    /// What `work` says, or it cannot be read.
    pub(crate) fn ask<T>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(opened) => opened.read(work),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.ask(work),
        }
    }

    /// Another after each change by which somebody could be judged otherwise.
    pub(crate) fn token(&mut self) -> Result<Vec<u8>, StoreError> {
        self.ask(|session| {
            let token = session.first("changes", "token", "SELECT token FROM changes", &[])?;
            // Without it nobody would see any change any more.
            token.ok_or_else(|| StoreError::Damaged {
                path: session.name().to_owned(),
                what: "the row of changes is missing".to_owned(),
            })
        })
    }

    /// Writes a copy into a file that is empty, which keeps its mode.
    pub(crate) fn copy_into(&mut self, copy: &Path) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(opened) => opened.copy_into(copy),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => {
                Err(StoreError::NoCopy { address: postgres.name().to_owned() })
            }
        }
    }
}

impl Moments for Database {
    fn read<T>(
        &mut self,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(opened) => opened.read(work),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.read(work),
        }
    }
}

impl Glance {
    /// Whether nothing can have changed.
    pub(crate) fn is_unchanged(self, before: Self) -> bool {
        match (self, before) {
            (Self::File(mark, version), Self::File(old, was)) => (mark, version) == (old, was),
            #[cfg(feature = "postgres")]
            _ => false,
        }
    }

    /// Whether the tokens of both are of the same database.
    pub(crate) fn is_same_place(self, before: Self) -> bool {
        match (self, before) {
            (Self::File(mark, _), Self::File(old, _)) => mark.is_same_file(old),
            #[cfg(feature = "postgres")]
            (Self::Server, Self::Server) => true,
            #[cfg(feature = "postgres")]
            _ => false,
        }
    }
}

/// Whether this names a server and not a file, though perhaps not in a way that can be used.
pub(crate) fn is_address(name: &Path) -> bool {
    name.to_string_lossy().contains("://")
}
