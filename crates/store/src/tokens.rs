//! Rows of tokens that were taken back before their end.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::jwt::{RevokedToken, TokenName};

use crate::changes::REVOCATIONS;
use crate::session::{Row, Session};
use crate::shards::Shards;
use crate::{Revocation, StoreError, row};

const TABLE: &str = "revoked_tokens";

/// Whatever else of such a row cannot be read.
const REVOKED_CLIENTS: &str = "SELECT id FROM clients WHERE revoked IS NOT NULL";

/// Most tokens of one client that are remembered one by one. Every server holds all of them in
/// memory, and a client can get and give back as many tokens as it likes: at one more, all that
/// it was issued so far are taken back, which is a single row.
pub const MOST_REVOKED: i64 = 10_000;

/// For how long a token that has ended is still remembered: who writes to a store may have a clock that
/// is ahead of the one by which a server lets the token in.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(10);

/// How many are forgotten in one change: not so many that it would have to wait, or that servers would
/// read all of the store for it.
const FORGOTTEN: u32 = 1000;

/// All that is refused. A copy of it, to be changed, costs little.
#[derive(Clone, Default)]
pub(crate) struct Revoked {
    /// Single tokens, by their names.
    names: Names,
    /// Clients, whose tokens are refused that were issued until then, in seconds since 1970.
    until: Names,
    /// The same for users.
    users: Names,
    /// Keys, of which no signature counts any more.
    keys: Names,
    /// Clients that are revoked themselves.
    clients: Names,
}

/// What is refused, and until when it has to have been issued for that.
type Names = Shards<String, i64>;

impl Revoked {
    /// A name that cannot be read could be that of any token: then none of them is known.
    pub(crate) fn all(session: &Session<'_>) -> Result<Self, StoreError> {
        let mut revoked = Self::default();
        for table in REVOCATIONS {
            let names = revoked.of(table);
            session.each(table, &format!("SELECT * FROM {table}"), &[], |row| {
                names.insert(row.get("id")?, until(row));
                Ok(())
            })?;
        }
        session.each("clients", REVOKED_CLIENTS, &[], |row| {
            revoked.clients.insert(row.get("id")?, i64::MAX);
            Ok(())
        })?;
        Ok(revoked)
    }

    /// With what was changed, by its tables.
    pub(crate) fn changed(
        &self,
        session: &Session<'_>,
        changes: &HashMap<&'static str, HashSet<String>>,
    ) -> Result<Self, StoreError> {
        let mut revoked = self.clone();
        for (table, ids) in changes {
            let names = revoked.of(table);
            ids.iter().for_each(|id| names.remove(id));
            let sql = match *table {
                "clients" => format!("{REVOKED_CLIENTS} AND id"),
                table => format!("SELECT * FROM {table} WHERE id"),
            };
            session.each_of(table, &sql, ids, |row| {
                names.insert(row.get("id")?, until(row));
                Ok(())
            })?;
        }
        Ok(revoked)
    }

    /// How many entries are remembered.
    pub(crate) fn len(&self) -> usize {
        let Self { names, until, users, keys, clients } = self;
        [names, until, users, keys, clients].into_iter().map(Names::len).sum()
    }

    pub(crate) fn contains(&self, token: TokenName<'_>) -> bool {
        let until = |names: &Names, name: Option<&str>| {
            let until = name.and_then(|name| names.get(name));
            until.is_some_and(|until| token.issued.is_none_or(|issued| issued <= *until))
        };
        until(&self.names, token.jti)
            || until(&self.until, token.client)
            || until(&self.clients, token.client)
            || until(&self.users, token.user)
            || until(&self.keys, token.key)
    }

    fn of(&mut self, table: &'static str) -> &mut Names {
        match table {
            "revoked_tokens" => &mut self.names,
            "revoked_until" => &mut self.until,
            "revoked_users" => &mut self.users,
            "revoked_signing_keys" => &mut self.keys,
            _ => &mut self.clients,
        }
    }
}

/// What is no time, or none that is asked for, revokes all the same.
fn until(row: &Row<'_>) -> i64 {
    row::read_time(row, "until").ok().flatten().map_or(i64::MAX, Timestamp::as_second)
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

/// Refuses all tokens that a client was issued so far, and forgets some of those that were refused one
/// by one.
fn revoke_until(session: &Session<'_>, client: &str, now: Timestamp) -> Result<(), StoreError> {
    tracing::warn!(
        client,
        "the client has given back {MOST_REVOKED} tokens in a short time; every token that it was \
         issued until now is refused"
    );
    let sql = format!(
        "DELETE FROM revoked_tokens WHERE id IN
         (SELECT id FROM revoked_tokens WHERE client = ?1 LIMIT {FORGOTTEN})"
    );
    session.execute(&sql, &[client.into()])?;
    let sql = "INSERT INTO revoked_until (id, until) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET until = excluded.until";
    session.execute(sql, &[client.into(), row::time(now).into()]).map(drop)
}

/// Forgets tokens that have ended a while ago.
pub(crate) fn purge(session: &Session<'_>) -> Result<(), StoreError> {
    let then = row::time(Timestamp::now() - AFTERWARDS);
    let sql = format!(
        "DELETE FROM revoked_tokens WHERE id IN
         (SELECT id FROM revoked_tokens WHERE ends < ?1 LIMIT {FORGOTTEN})"
    );
    session.execute(&sql, &[then.into()]).map(drop)
}
