//! The keys that sign tokens, as the servers that verify by them have seen them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mcp_auth::authn::jwt::VerifyingKey;

use crate::session::Session;
use crate::{Ledger, Store, StoreError, row};

const TABLE: &str = "signing_keys";

/// How often it is written down of a key that it is still there.
const AGAIN: Duration = Duration::from_secs(60 * 60);

/// A key that a server verifies by. What signs with it is no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name (RFC 7515 §4.1.4).
    pub kid: String,
    /// The name of the algorithm (RFC 7518 §3.1).
    pub algorithm: String,
    /// From when on it verifies no more, if that is known.
    pub until: Option<Timestamp>,
}

/// What is kept of one, also when no server has it any more.
#[derive(Clone, Debug)]
pub struct StoredSigningKey {
    /// The key, as the last server saw it.
    pub key: SigningKey,
    /// When a server had it first.
    pub first_seen: Timestamp,
    /// When a server had it last, to the hour.
    pub last_seen: Timestamp,
}

/// Where keys are asked for, and what was written down of them.
#[derive(Default)]
pub(crate) struct Noted(Mutex<Vec<Source>>);

struct Source {
    keys: Box<dyn Fn() -> Vec<SigningKey> + Send>,
    written: HashMap<String, (SigningKey, Instant)>,
}

impl From<&VerifyingKey> for SigningKey {
    fn from(key: &VerifyingKey) -> Self {
        Self { kid: key.kid().to_owned(), algorithm: key.algorithm(), until: key.until() }
    }
}

impl Store {
    /// Writes down, now and whenever they change, which keys there are that tokens are verified by.
    pub fn note_signing_keys(&self, keys: impl Fn() -> Vec<SigningKey> + Send + 'static) {
        let source = Source { keys: Box::new(keys), written: HashMap::new() };
        self.0.keeper.signing_keys.lock().push(source);
        self.0.write_now.ring();
    }
}

impl Ledger {
    /// All keys that servers of this store have seen, in the order in which they did.
    ///
    /// # Errors
    /// The file, or a row of it, cannot be read.
    pub fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let sql = "SELECT * FROM signing_keys ORDER BY first_seen, id";
        self.read(|session| {
            let mut all = Vec::new();
            session.each(TABLE, sql, &[], |row| {
                let time = |column| row::read_time(row, column)?.ok_or_else(|| row.damaged(column));
                all.push(StoredSigningKey {
                    key: SigningKey {
                        kid: row.get("id")?,
                        algorithm: row.get("algorithm")?,
                        until: row::read_time(row, "until")?,
                    },
                    first_seen: time("first_seen")?,
                    last_seen: time("last_seen")?,
                });
                Ok(())
            })?;
            Ok(all)
        })
    }
}

impl Noted {
    /// What is to be written down now.
    pub(crate) fn take(&self) -> Vec<SigningKey> {
        let (now, mut taken) = (Instant::now(), Vec::new());
        for Source { keys, written } in &mut *self.lock() {
            let keys = keys();
            written.retain(|kid, _| keys.iter().any(|key| key.kid == *kid));
            for key in keys {
                let known = written.get(&key.kid);
                if known.is_some_and(|(known, at)| *known == key && now - *at < AGAIN)
                    // An issuer may call its keys what it likes, and such a one cannot be revoked either.
                    || row::check_word("kid", &key.kid).is_err()
                {
                    continue;
                }
                written.insert(key.kid.clone(), (key.clone(), now));
                taken.push(key);
            }
        }
        taken
    }

    /// What was taken could not be written.
    pub(crate) fn put_back(&self, taken: &[SigningKey]) {
        for Source { written, .. } in &mut *self.lock() {
            for key in taken {
                written.remove(&key.kid);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn write(session: &Session<'_>, keys: &[SigningKey]) -> Result<(), StoreError> {
    let now = row::time(Timestamp::now());
    for key in keys {
        let sql = "INSERT INTO signing_keys (id, algorithm, first_seen, last_seen, until)
             VALUES (?1, ?2, ?3, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET algorithm = excluded.algorithm,
                last_seen = excluded.last_seen, until = excluded.until";
        let until = key.until.map(row::time);
        let values = [(&key.kid).into(), (&key.algorithm).into(), (&now).into(), until.into()];
        session.execute(sql, &values)?;
    }
    Ok(())
}
