//! Revocations of more than one credential at a time, and what each ended.

use jiff::Timestamp;
use mcp_auth::authn::apikey::KeyId;

use crate::keys::AND_LATER;
use crate::ledger::Change;
use crate::{Ledger, StoreError, row};

/// What a revocation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It had been revoked at that moment already.
    Already(Timestamp),
    /// It is revoked as of this moment.
    Now(Timestamp),
}

impl Revocation {
    /// Since when it is revoked.
    pub fn since(self) -> Timestamp {
        match self {
            Self::Already(since) | Self::Now(since) => since,
        }
    }

    /// Whether it had been revoked before.
    pub fn is_old(self) -> bool {
        matches!(self, Self::Already(_))
    }
}

/// What the revocation of a user ended. What had been revoked before is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedUser {
    /// The API keys, by their ids, the oldest first.
    pub keys: Vec<String>,
    /// The clients, by their ids, the oldest first. Their tokens have ended with them.
    pub clients: Vec<String>,
    /// Every token of the user's that was issued until then is refused, whoever issued it.
    pub until: Timestamp,
}

impl Ledger {
    /// Refuses a key, and all that took over from it or from those that did, from now on.
    /// Answers each with what was found, the key itself first.
    ///
    /// # Errors
    /// There is no such key, or the file cannot be written, or read again after that.
    pub fn revoke_key_and_successors(
        &self,
        id: KeyId,
    ) -> Result<Vec<(String, Revocation)>, StoreError> {
        self.revoke_by(|change| {
            let chain = change.successors(id)?;
            let revoked = chain.into_iter().map(|key| {
                let found = change.revoke("api_keys", &key)?.ok_or(StoreError::UnknownKey(id))?;
                Ok((key, found))
            });
            revoked.collect()
        })
    }

    /// Refuses all keys and clients of a user, and all tokens that were issued until now.
    ///
    /// Nothing keeps the user from being given others: those that are made from the next second on
    /// are good, for tokens say no more precisely when they were issued.
    ///
    /// # Errors
    /// The name cannot be kept, or the file cannot be written, or read again after that.
    pub fn revoke_user(&self, user: &str) -> Result<EndedUser, StoreError> {
        row::check("user", user)?;
        self.revoke_by(|change| {
            let until = Timestamp::now();
            let now = row::time(until);
            let keys = change.revoke_all_of("api_keys", user, &now)?;
            let clients = change.revoke_all_of("clients", user, &now)?;
            change.session.execute(
                "INSERT INTO revoked_users (id, until) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET until = excluded.until",
                &[user.into(), now.into()],
            )?;
            Ok(EndedUser { keys, clients, until })
        })
    }

    /// Refuses every token that was signed by the key of this `kid` (RFC 7515 §4.1.4), from now on
    /// and for ever. Whether there is such a key is not asked: it may lie with an issuer elsewhere.
    ///
    /// # Errors
    /// The name cannot be kept, or the file cannot be written, or read again after that.
    pub fn revoke_signing_key(&self, kid: &str) -> Result<Revocation, StoreError> {
        row::check_word("kid", kid)?;
        self.revoke_by(|change| {
            let sql = "SELECT revoked FROM revoked_signing_keys WHERE id = ?1";
            let before = row::revoked_before(change.session, "revoked_signing_keys", sql, kid)?;
            if let Some(then) = before {
                return Ok(Revocation::Already(then.unwrap_or(Timestamp::UNIX_EPOCH)));
            }
            let now = Timestamp::now();
            let sql = "INSERT INTO revoked_signing_keys (id, revoked) VALUES (?1, ?2)";
            change.session.execute(sql, &[kid.into(), row::time(now).into()])?;
            Ok(Revocation::Now(now))
        })
    }

    /// The names of the signing keys that are revoked.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn revoked_signing_keys(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT id FROM revoked_signing_keys ORDER BY id";
        self.read(|session| session.ids("revoked_signing_keys", sql, &[]))
    }
}

impl Change<'_> {
    /// A key and those of its chain that were made after it. No other column is looked at: what
    /// cannot be read can still be revoked.
    fn successors(&self, id: KeyId) -> Result<Vec<String>, StoreError> {
        let sql = format!("SELECT later.id {AND_LATER}");
        let found = self.session.ids("api_keys", &sql, &[id.to_string().into()])?;
        if found.is_empty() { Err(StoreError::UnknownKey(id)) } else { Ok(found) }
    }

    /// The ids of those that were not revoked before.
    fn revoke_all_of(
        &self,
        table: &'static str,
        owner: &str,
        now: &str,
    ) -> Result<Vec<String>, StoreError> {
        let live =
            format!("SELECT id FROM {table} WHERE owner = ?1 AND revoked IS NULL ORDER BY rowid");
        let found = self.session.ids(table, &live, &[owner.into()])?;
        // With whatever else stands there, even if it is no time.
        let sql = format!("UPDATE {table} SET revoked = ?2 WHERE owner = ?1 AND revoked IS NULL");
        self.session.execute(&sql, &[owner.into(), now.into()])?;
        Ok(found)
    }
}
