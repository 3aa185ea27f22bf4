//! Rows of tokens that were taken back before their end.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use jiff::Timestamp;
use mcp_auth::authn::jwt::{RevokedToken, TokenName};
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::row::{self, Reader};
use crate::{Revocation, StoreError, file};

const TABLE: &str = "revoked_tokens";

/// Most tokens of one client that are remembered one by one. Every server holds all of them in
/// memory, and a client can get and give back as many tokens as it likes: at one more, all that
/// it was issued so far are taken back, which is a single row.
pub const MOST_REVOKED: i64 = 10_000;

/// All that is refused.
#[derive(Default)]
pub(crate) struct Revoked {
    /// Single tokens, by their names.
    names: HashSet<Box<str>>,
    /// Clients, whose tokens are refused that were issued until then, in seconds since 1970.
    until: HashMap<Box<str>, i64>,
    /// The same for users.
    users: HashMap<Box<str>, i64>,
    /// Keys, of which no signature counts any more.
    keys: HashSet<Box<str>>,
}

impl Revoked {
    /// How many entries are remembered.
    pub(crate) fn len(&self) -> usize {
        self.names.len() + self.until.len() + self.users.len() + self.keys.len()
    }

    pub(crate) fn contains(&self, token: TokenName<'_>) -> bool {
        let until = |all: &HashMap<Box<str>, i64>, name: Option<&str>| {
            let until = name.and_then(|name| all.get(name));
            until.is_some_and(|until| token.issued.is_none_or(|issued| issued <= *until))
        };
        token.jti.is_some_and(|jti| self.names.contains(jti))
            || until(&self.until, token.client)
            || until(&self.users, token.user)
            || token.key.is_some_and(|key| self.keys.contains(key))
    }
}

/// Refuses a token until it has ended anyway.
pub(crate) fn revoke(
    connection: &Connection,
    path: &Path,
    token: &RevokedToken,
) -> Result<Revocation, StoreError> {
    let failed = || file::failed("write", path);
    row::check_word("token id", &token.jti)?;
    row::check_word("client id", &token.client)?;
    let before: Option<String> = connection
        .query_row("SELECT revoked FROM revoked_tokens WHERE id = ?1", [&token.jti], |row| {
            Ok(row.get(0).unwrap_or_default())
        })
        .optional()
        .map_err(failed())?;
    if let Some(then) = before {
        // What is no time of revocation revokes all the same.
        return Ok(Revocation::Already(then.parse().unwrap_or(Timestamp::UNIX_EPOCH)));
    }
    let sql = "SELECT count(*) FROM revoked_tokens WHERE client = ?1";
    let kept: i64 =
        connection.query_row(sql, [&token.client], |row| row.get(0)).map_err(failed())?;
    let now = Timestamp::now();
    if kept >= MOST_REVOKED {
        revoke_until(connection, path, &token.client, now)?;
    }
    // This one by its name in any case: the clock that it was issued by may be ahead of ours.
    connection
        .execute(
            "INSERT INTO revoked_tokens (id, client, ends, revoked)
             VALUES (:id, :client, :ends, :revoked)",
            named_params! {
                ":id": token.jti,
                ":client": token.client,
                ":ends": row::time(token.ends),
                ":revoked": row::time(now),
            },
        )
        .map_err(failed())?;
    Ok(Revocation::Now(now))
}

/// Refuses all tokens that a client was issued so far, and forgets which of them were refused
/// before.
fn revoke_until(
    connection: &Connection,
    path: &Path,
    client: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failed = || file::failed("write", path);
    tracing::warn!(
        client,
        "the client has given back {MOST_REVOKED} tokens that have not ended; every token that it \
         was issued until now is refused"
    );
    connection
        .execute("DELETE FROM revoked_tokens WHERE client = ?1", [client])
        .map_err(failed())?;
    connection
        .execute(
            "REPLACE INTO revoked_until (id, until) VALUES (?1, ?2)",
            [client, &row::time(now)],
        )
        .map(drop)
        .map_err(failed())
}

/// Forgets the tokens that have ended.
pub(crate) fn purge(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let now = row::time(Timestamp::now());
    connection
        .execute("DELETE FROM revoked_tokens WHERE ends < ?1", [now])
        .map(drop)
        .map_err(file::failed("write", path))
}

/// All that is refused. A name that cannot be read could be that of any token: then none of
/// them is known.
pub(crate) fn all(connection: &Connection, path: &Path) -> Result<Revoked, StoreError> {
    let mut revoked = Revoked::default();
    each(connection, path, TABLE, "SELECT id FROM revoked_tokens", |reader| {
        revoked.names.insert(reader.get("id")?);
        Ok(())
    })?;
    // What is no time revokes all the same.
    let until = |reader: &Reader<'_>| {
        reader.time("until").ok().flatten().map_or(i64::MAX, Timestamp::as_second)
    };
    each(connection, path, "revoked_until", "SELECT id, until FROM revoked_until", |reader| {
        revoked.until.insert(reader.get("id")?, until(reader));
        Ok(())
    })?;
    each(connection, path, "revoked_users", "SELECT id, until FROM revoked_users", |reader| {
        revoked.users.insert(reader.get("id")?, until(reader));
        Ok(())
    })?;
    let keys = "SELECT id FROM revoked_signing_keys";
    each(connection, path, "revoked_signing_keys", keys, |reader| {
        revoked.keys.insert(reader.get("id")?);
        Ok(())
    })?;
    // Whatever else of such a row cannot be read.
    let clients = "SELECT id FROM clients WHERE revoked IS NOT NULL";
    each(connection, path, "clients", clients, |reader| {
        revoked.until.insert(reader.get("id")?, i64::MAX);
        Ok(())
    })?;
    Ok(revoked)
}

fn each(
    connection: &Connection,
    path: &Path,
    table: &'static str,
    sql: &str,
    mut row: impl FnMut(&Reader<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = || file::failed("read", path);
    let mut statement = connection.prepare(sql).map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    while let Some(found) = rows.next().map_err(failed())? {
        row(&Reader { path, table, row: found })?;
    }
    Ok(())
}
