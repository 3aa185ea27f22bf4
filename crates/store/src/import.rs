//! All that one store holds, put into another.

use std::sync::Arc;

use crate::ledger::Change;
use crate::session::Session;
use crate::value::Value;
use crate::{Ledger, StoreError};

/// How many rows one statement reads, and one writes. Each has at most 15 values, and no database takes
/// fewer than 32,766 at once.
const ROWS: usize = 500;

/// What an import put there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// API keys, those too that are over.
    pub keys: usize,
    /// Clients, those too that are revoked.
    pub clients: usize,
    /// Tokens, signing keys, and all tokens of a client or a user: each an entry of its own.
    pub revocations: usize,
}

/// A table, and what decides in which order its rows are put back.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    order: &'static str,
}

const KEYS: Table = Table {
    name: "api_keys",
    columns: &[
        "id",
        "digest",
        "chain",
        "owner",
        "user_number",
        "name",
        "role",
        "grants",
        "created",
        "expires",
        "revoked",
        "demo",
        "read_only",
        "rate",
    ],
    order: "rowid",
};

const CLIENTS: Table = Table {
    name: "clients",
    columns: &[
        "id",
        "digest",
        "owner",
        "user_number",
        "name",
        "scopes",
        "created",
        "revoked",
        "demo",
    ],
    order: "rowid",
};

const REVOCATIONS: [Table; 4] = [
    Table { name: "revoked_tokens", columns: &["id", "client", "ends", "revoked"], order: "id" },
    Table { name: "revoked_until", columns: &["id", "until"], order: "id" },
    Table { name: "revoked_users", columns: &["id", "until"], order: "id" },
    Table { name: "revoked_signing_keys", columns: &["id", "revoked"], order: "id" },
];

const NOTES: [Table; 3] = [
    Table { name: "key_uses", columns: &["id", "last_used", "uses"], order: "id" },
    Table { name: "audit_heads", columns: &["id", "head", "kept"], order: "id" },
    Table {
        name: "signing_keys",
        columns: &["id", "algorithm", "first_seen", "last_seen", "until"],
        order: "id",
    },
];

impl Ledger {
    /// Takes over all that another store holds at this moment: digests, revocations, how often keys were
    /// used, and how far audit files go. What is good there is good here from then on, and what is revoked
    /// there is revoked here. What is changed there later is not seen.
    ///
    /// # Errors
    /// There is something in this store already, the other cannot be read to its end, or this one cannot
    /// be written; then nothing is taken over.
    pub fn import(&self, other: &Self) -> Result<Imported, StoreError> {
        if Arc::ptr_eq(&self.database, &other.database) {
            return Err(StoreError::NotEmpty(self.path().to_owned()));
        }
        self.change(|change| {
            change.expect_empty()?;
            other.read(|source| change.copy_all(source))
        })
    }
}

impl Change<'_> {
    fn expect_empty(&self) -> Result<(), StoreError> {
        for table in [&KEYS, &CLIENTS].into_iter().chain(&REVOCATIONS).chain(&NOTES) {
            if !self.is_empty(table.name)? {
                return Err(StoreError::NotEmpty(self.session.name().to_owned()));
            }
        }
        Ok(())
    }

    fn copy_all(&self, source: &Session<'_>) -> Result<Imported, StoreError> {
        let mut imported = Imported {
            keys: self.copy(source, &KEYS)?,
            clients: self.copy(source, &CLIENTS)?,
            revocations: 0,
        };
        for table in &REVOCATIONS {
            imported.revocations += self.copy(source, table)?;
        }
        for table in &NOTES {
            self.copy(source, table)?;
        }
        Ok(imported)
    }

    /// How many rows there were.
    fn copy(&self, source: &Session<'_>, table: &Table) -> Result<usize, StoreError> {
        let Table { name, columns, order } = table;
        let columns = columns.join(", ");
        let (mut copied, mut last) = (0, None);
        loop {
            let after = if last.is_some() { format!("WHERE {order} > ?1") } else { String::new() };
            let sql = format!(
                "SELECT {order} AS place, {columns} FROM {name} {after} ORDER BY {order} LIMIT {ROWS}"
            );
            let (place, mut rows) = (last.take(), Vec::new());
            source.each(name, &sql, place.as_slice(), |row| {
                for column in table.columns {
                    // Written as if nothing stood there, it could let somebody in.
                    rows.push(row.get::<Value>(column)?);
                }
                last = Some(row.get::<Value>("place")?);
                copied += 1;
                Ok(())
            })?;
            if last.is_none() {
                return Ok(copied);
            }
            self.insert(table, &rows)?;
        }
    }

    fn insert(&self, table: &Table, values: &[Value]) -> Result<(), StoreError> {
        let width = table.columns.len();
        let row = |row: usize| {
            let places: Vec<_> = (1..=width).map(|at| format!("?{}", row * width + at)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<_> = (0..values.len() / width).map(row).collect();
        let (name, columns) = (table.name, table.columns.join(", "));
        let sql = format!("INSERT INTO {name} ({columns}) VALUES {}", rows.join(", "));
        self.session.execute(&sql, values).map(drop)
    }
}
