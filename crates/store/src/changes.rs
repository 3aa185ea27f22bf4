//! What was changed since all was read.

use std::collections::HashSet;

use mcp_auth::authn::apikey::KeyId;

use crate::StoreError;
use crate::session::Session;

const TABLE: &str = "change_log";

/// Of more than so many, reading all is no slower.
const MOST: usize = 1000;

/// The ids of what was changed, made or removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) keys: HashSet<KeyId>,
    pub(crate) clients: HashSet<String>,
    /// Something was revoked that is no key.
    pub(crate) revoked_tokens: bool,
}

/// What was changed since the database had this token; `None` if that is not known, or is all.
///
/// Tokens are random: where this one stands in the log, what follows it there came after it.
pub(crate) fn since(session: &Session<'_>, token: &[u8]) -> Result<Option<Changes>, StoreError> {
    let sql = "SELECT max(n) AS n FROM change_log WHERE token = ?1";
    let last: Option<Option<i64>> = session.first(TABLE, "n", sql, &[token.to_vec().into()])?;
    let Some(last) = last.flatten() else { return Ok(None) };
    // However many tokens were revoked, they are read at once.
    let sql = format!(
        "SELECT DISTINCT kind, CASE WHEN kind IN ('api_keys', 'clients') THEN item ELSE '' END AS item
         FROM change_log WHERE n > ?1 LIMIT {}",
        MOST + 1
    );
    let (mut changes, mut count, mut is_all) = (Changes::default(), 0, false);
    session.each(TABLE, &sql, &[last.into()], |row| {
        count += 1;
        let (kind, item): (String, Option<String>) = (row.get("kind")?, row.get("item")?);
        match (kind.as_str(), item) {
            ("api_keys", Some(id)) => match KeyId::parse(&id) {
                Some(id) => drop(changes.keys.insert(id)),
                // Whoever reads all says that it is damaged.
                None => is_all = true,
            },
            ("clients", Some(id)) => {
                changes.clients.insert(id);
                // Its tokens are revoked with it.
                changes.revoked_tokens = true;
            }
            ("revoked_tokens" | "revoked_until" | "revoked_users" | "revoked_signing_keys", _) => {
                changes.revoked_tokens = true;
            }
            _ => is_all = true,
        }
        Ok(())
    })?;
    Ok(Some(changes).filter(|_| count <= MOST && !is_all))
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
