//! What the layers of `mcp-auth` are told, from memory.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use jiff::Timestamp;
use mcp_auth::authn::Standing;
use mcp_auth::authn::apikey::{KeyId, KeyRecord, Lookup, Uses, verify};
use mcp_auth::authn::client::{ClientLookup, ClientRecord};
use mcp_auth::authn::jwt::{Revocations, Revoke, RevokedToken, TokenName};
use mcp_auth::{Identity, Rejection};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::Store;
use crate::latest::RETRY_AFTER;
use crate::records::{self, Found, Record};

/// How long a request waits for a record that is not in memory.
const PATIENCE: Duration = Duration::from_secs(5);

impl Lookup for Store {
    async fn find(&self, id: KeyId) -> Result<Option<Arc<KeyRecord>>, Rejection> {
        self.record(id).await
    }

    fn used(&self, id: KeyId, uses: &Arc<Uses>) {
        self.0.keeper.used.add(id, Arc::clone(uses));
    }
}

impl ClientLookup for Store {
    async fn find_client(&self, id: &str) -> Result<Option<Arc<ClientRecord>>, Rejection> {
        self.record(id.to_owned()).await
    }
}

impl Revocations for Store {
    fn is_revoked(&self, token: TokenName<'_>) -> Result<bool, Rejection> {
        let snapshot = self.0.latest.get()?;
        let revoked = snapshot.revoked_tokens.as_ref().ok_or_else(|| {
            Rejection::unavailable(RETRY_AFTER, "the name of a revoked token cannot be read")
        })?;
        Ok(revoked.contains(token))
    }
}

impl Standing for Store {
    fn end(&self, identity: &Identity) -> Result<Option<Timestamp>, Rejection> {
        if identity.scheme != verify::NAME {
            let revoked = self.is_revoked(TokenName::of(identity))?;
            return Ok(revoked.then_some(Timestamp::UNIX_EPOCH));
        }
        let snapshot = self.0.latest.get()?;
        let end = KeyId::parse(&identity.credential).and_then(|id| snapshot.keys.end(&id));
        // Of a key that is there no more nobody knows anything, and so it is over.
        Ok(end.unwrap_or(Some(Timestamp::UNIX_EPOCH)))
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.latest.changes()
    }
}

impl Revoke for Store {
    fn revoke(&self, token: RevokedToken) -> Result<(), Rejection> {
        self.revoke_token(&token)
            .map(drop)
            .map_err(|error| Rejection::unavailable(RETRY_AFTER, error.to_string()))
    }
}

impl Store {
    /// A record from memory, or if memory knows of its id alone from the database.
    async fn record<V: Record>(&self, id: V::Id) -> Result<Option<Arc<V>>, Rejection> {
        let snapshot = self.0.latest.get()?;
        match V::of(&snapshot).find(&id) {
            Found::Here(record) => return Ok(Some(record)),
            Found::Nothing => return self.0.latest.is_absent().map(|()| None),
            Found::Stored => self.0.latest.is_absent()?,
        }
        // Held where it was looked for: what is read again later holds nothing from before.
        let snapshot = Guard::into_inner(snapshot);
        let asked = id.clone();
        let ask = async {
            match self.0.readers.ask(move |session| records::one::<V>(session, &asked)).await {
                Ok(record) => record.map(Arc::new).ok_or(None),
                Err(error) => Err(Some(error)),
            }
        };
        match timeout(PATIENCE, V::of(&snapshot).hold(&id, ask)).await {
            Ok(Ok(record)) => Ok(Some(record)),
            // Gone since then.
            Ok(Err(None)) => Ok(None),
            Ok(Err(Some(error))) => Err(Rejection::unavailable(RETRY_AFTER, error.to_string())),
            Err(_) => {
                let reason = "the credential store does not say what it has";
                Err(Rejection::unavailable(RETRY_AFTER, reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn what_memory_does_not_know_is_not_said_to_be_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.db");
        let store = Store::open(&path).unwrap();
        let ends = Timestamp::now() + SignedDuration::from_secs(60);
        let token = RevokedToken { jti: "a".to_owned(), client: "c".to_owned(), ends };
        let name = TokenName {
            jti: Some("a"),
            client: Some("c"),
            issued: Some(0),
            ..TokenName::default()
        };
        store.0.latest.look_elsewhere(&folder.path().join("nowhere"));
        assert_eq!(Revoke::revoke(&store, token.clone()).unwrap_err().status(), 503);
        assert!(!store.is_revoked(name).unwrap());
        store.0.latest.look_elsewhere(&path);
        Revoke::revoke(&store, token).unwrap();
        assert!(store.is_revoked(name).unwrap());
    }
}
