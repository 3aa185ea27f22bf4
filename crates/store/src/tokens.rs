//! Rows of tokens that were taken back before their end.

use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use mcp_auth::authn::jwt::RevokedToken;
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::row::{self, Reader};
use crate::{Revocation, StoreError, file};

const TABLE: &str = "revoked_tokens";

/// Most tokens of one client that are remembered at once. Every server holds all of them in
/// memory, and a client can get and give back as many tokens as it likes.
pub const MOST_REVOKED: i64 = 10_000;

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
    if kept >= MOST_REVOKED {
        return Err(StoreError::TooManyRevoked(token.client.clone()));
    }
    let now = Timestamp::now();
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

/// Forgets the tokens that have ended.
pub(crate) fn purge(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let now = row::time(Timestamp::now());
    connection
        .execute("DELETE FROM revoked_tokens WHERE ends < ?1", [now])
        .map(drop)
        .map_err(file::failed("write", path))
}

/// The names of all tokens that are remembered. One that cannot be read could be that of any
/// token: then none of them is known.
pub(crate) fn all(connection: &Connection, path: &Path) -> Result<HashSet<Box<str>>, StoreError> {
    let failed = || file::failed("read", path);
    let mut statement = connection.prepare("SELECT id FROM revoked_tokens").map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    let mut names = HashSet::new();
    while let Some(row) = rows.next().map_err(failed())? {
        let name: String = Reader { path, table: TABLE, row }.get("id")?;
        names.insert(name.into_boxed_str());
    }
    Ok(names)
}
