//! Rows of tokens that were taken back before their end.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use mcp_auth::authn::jwt::{RevokedToken, TokenName};

use crate::row;
use crate::session::{Row, Session};
use crate::{Revocation, StoreError};

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
    session: &Session<'_>,
    token: &RevokedToken,
) -> Result<Revocation, StoreError> {
    row::check_word("token id", &token.jti)?;
    row::check_word("client id", &token.client)?;
    let sql = "SELECT revoked FROM revoked_tokens WHERE id = ?1";
    if let Some(then) = row::revoked_before(session, TABLE, sql, &token.jti)? {
        // What is no time of revocation revokes all the same.
        return Ok(Revocation::Already(then.unwrap_or(Timestamp::UNIX_EPOCH)));
    }
    let sql = "SELECT count(*) AS kept FROM revoked_tokens WHERE client = ?1";
    let kept: Option<i64> = session.first(TABLE, "kept", sql, &[(&token.client).into()])?;
    let now = Timestamp::now();
    if kept.is_some_and(|kept| kept >= MOST_REVOKED) {
        revoke_until(session, &token.client, now)?;
    }
    // This one by its name in any case: the clock that it was issued by may be ahead of ours.
    session.execute(
        "INSERT INTO revoked_tokens (id, client, ends, revoked) VALUES (?1, ?2, ?3, ?4)",
        &[
            (&token.jti).into(),
            (&token.client).into(),
            row::time(token.ends).into(),
            row::time(now).into(),
        ],
    )?;
    Ok(Revocation::Now(now))
}

/// Refuses all tokens that a client was issued so far, and forgets which of them were refused
/// before.
fn revoke_until(session: &Session<'_>, client: &str, now: Timestamp) -> Result<(), StoreError> {
    tracing::warn!(
        client,
        "the client has given back {MOST_REVOKED} tokens that have not ended; every token that it \
         was issued until now is refused"
    );
    session.execute("DELETE FROM revoked_tokens WHERE client = ?1", &[client.into()])?;
    let sql = "INSERT INTO revoked_until (id, until) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET until = excluded.until";
    session.execute(sql, &[client.into(), row::time(now).into()]).map(drop)
}

/// Forgets tokens that have ended: not so many that the change which it is part of would have to wait.
pub(crate) fn purge(session: &Session<'_>) -> Result<(), StoreError> {
    let now = row::time(Timestamp::now());
    let sql = "DELETE FROM revoked_tokens WHERE id IN
         (SELECT id FROM revoked_tokens WHERE ends < ?1 LIMIT 1000)";
    session.execute(sql, &[now.into()]).map(drop)
}

/// All that is refused. A name that cannot be read could be that of any token: then none of
/// them is known.
pub(crate) fn all(session: &Session<'_>) -> Result<Revoked, StoreError> {
    let mut revoked = Revoked::default();
    let name = |row: &Row<'_>| row.get::<String>("id").map(String::into_boxed_str);
    // What is no time revokes all the same.
    let until = |row: &Row<'_>| {
        row::read_time(row, "until").ok().flatten().map_or(i64::MAX, Timestamp::as_second)
    };
    session.each(TABLE, "SELECT id FROM revoked_tokens", &[], |row| {
        revoked.names.insert(name(row)?);
        Ok(())
    })?;
    session.each("revoked_until", "SELECT id, until FROM revoked_until", &[], |row| {
        revoked.until.insert(name(row)?, until(row));
        Ok(())
    })?;
    session.each("revoked_users", "SELECT id, until FROM revoked_users", &[], |row| {
        revoked.users.insert(name(row)?, until(row));
        Ok(())
    })?;
    session.each("revoked_signing_keys", "SELECT id FROM revoked_signing_keys", &[], |row| {
        revoked.keys.insert(name(row)?);
        Ok(())
    })?;
    // Whatever else of such a row cannot be read.
    session.each("clients", "SELECT id FROM clients WHERE revoked IS NOT NULL", &[], |row| {
        revoked.until.insert(name(row)?, i64::MAX);
        Ok(())
    })?;
    Ok(revoked)
}
