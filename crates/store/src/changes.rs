//! What was changed since all was read.

use std::collections::{HashMap, HashSet};

use crate::StoreError;
use crate::session::Session;

const TABLE: &str = "change_log";

/// Of more than so many, reading all is no slower. A change that forgets a thousand tokens is less.
const MOST: usize = 3000;

/// Tables of what is refused.
pub(crate) const REVOCATIONS: [&str; 4] =
    ["revoked_tokens", "revoked_until", "revoked_users", "revoked_signing_keys"];

/// The ids of what was changed, made or removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) keys: HashSet<String>,
    pub(crate) clients: HashSet<String>,
    /// By their tables; clients are among them, whose tokens are revoked with them.
    pub(crate) revocations: HashMap<&'static str, HashSet<String>>,
}

/// What was changed since the database had this token; `None` if that is not known, or too much.
///
/// Tokens are random: where this one stands in the log, what follows it there came after it.
pub(crate) fn since(session: &Session<'_>, token: &[u8]) -> Result<Option<Changes>, StoreError> {
    match read(session, token) {
        // Whoever reads all says what is damaged.
        Err(StoreError::Damaged { .. }) => Ok(None),
        changes => changes,
    }
}

fn read(session: &Session<'_>, token: &[u8]) -> Result<Option<Changes>, StoreError> {
    let sql = "SELECT max(n) AS n FROM change_log WHERE token = ?1";
    let last: Option<Option<i64>> = session.first(TABLE, "n", sql, &[token.to_vec().into()])?;
    let Some(last) = last.flatten() else { return Ok(None) };
    let sql = format!("SELECT DISTINCT kind, item FROM change_log WHERE n > ?1 LIMIT {}", MOST + 1);
    let (mut changes, mut count) = (Changes::default(), 0);
    session.each(TABLE, &sql, &[last.into()], |row| {
        count += 1;
        let (kind, item): (String, String) = (row.get("kind")?, row.get("item")?);
        match &*kind {
            "api_keys" => drop(changes.keys.insert(item)),
            "clients" => {
                changes.clients.insert(item.clone());
                changes.revocations.entry("clients").or_default().insert(item);
            }
            kind => {
                let table = REVOCATIONS.into_iter().find(|table| *table == kind);
                let table = table.ok_or_else(|| row.damaged("kind"))?;
                changes.revocations.entry(table).or_default().insert(item);
            }
        }
        Ok(())
    })?;
    Ok(Some(changes).filter(|_| count <= MOST))
}

#[cfg(test)]
mod tests {
    use mcp_auth::authn::apikey::{Lookup, PlainKey};

    use super::*;
    use crate::{NewKey, Store};

    #[tokio::test]
    async fn of_more_keys_than_are_read_one_by_one_none_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("credentials.db")).unwrap();
        let keys: Vec<_> = (0..MOST + 500).map(|_| PlainKey::mint()).collect();
        let made = store.change(|change| {
            keys.iter().try_for_each(|key| change.insert_key(&NewKey::of(key, "bob", "Many")))
        });
        made.unwrap();
        for key in keys {
            assert!(store.find(key.id()).await.unwrap().is_some());
        }
    }
}
