//! OAuth clients at a token endpoint: who is asking for a token? (RFC 6749 §2.3)

use std::sync::Arc;

use rand::distr::{Alphanumeric, SampleString};
use subtle::Choice;
use zeroize::Zeroizing;

use super::apikey::mint::{KeyDigest, digest_matches, key_digest};
use crate::Rejection;

/// 62^43 > 2^256.
const SECRET_LENGTH: usize = 43;
/// 62^16 > 2^95: unique without asking anybody.
const ID_LENGTH: usize = 16;

/// A client's id and secret in clear, right after they were made. It has no `Debug`.
///
/// Both are letters and digits alone, so that no encoding changes them.
pub struct PlainClient {
    id: String,
    secret: Zeroizing<String>,
}

/// What a store keeps of one client.
#[derive(Clone, Debug)]
pub struct ClientRecord {
    /// The `client_id` (RFC 6749 §2.2). Not a secret.
    pub id: String,
    /// SHA-256 of the secret: all that is kept of it.
    pub digest: KeyDigest,
    /// The user on whose behalf it acts: `sub` of its tokens.
    pub user: String,
    /// The number by which other systems know that user.
    pub user_number: Option<String>,
    /// A name to show people.
    pub name: Option<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Finds clients by their `client_id`.
pub trait ClientLookup: Send + Sync + 'static {
    /// The record of a client, or `None` if there is none of that id.
    ///
    /// # Errors
    /// [`Rejection::unavailable`] if that cannot be said now.
    fn find_client(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Arc<ClientRecord>>, Rejection>> + Send;
}

impl<L: ClientLookup> ClientLookup for Arc<L> {
    async fn find_client(&self, id: &str) -> Result<Option<Arc<ClientRecord>>, Rejection> {
        (**self).find_client(id).await
    }
}

impl PlainClient {
    /// A new client from the operating system's randomness.
    pub fn mint() -> Self {
        let mut rng = rand::rng();
        let id = Alphanumeric.sample_string(&mut rng, ID_LENGTH);
        let mut secret = Zeroizing::new(String::with_capacity(SECRET_LENGTH));
        Alphanumeric.append_string(&mut rng, &mut secret, SECRET_LENGTH);
        Self { id, secret }
    }

    /// The `client_id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret itself, to be shown once or written to a secret file.
    pub fn reveal_secret(&self) -> &str {
        &self.secret
    }

    /// What a store keeps of the secret.
    pub fn digest(&self) -> KeyDigest {
        key_digest(&self.secret)
    }
}

/// Whether this is the secret of a live client.
///
/// An unknown client, a revoked one and a wrong secret cost the same digest and comparison.
pub fn secret_matches(record: Option<&ClientRecord>, secret: &str) -> bool {
    let live = record.is_some_and(|record| !record.revoked);
    let same = digest_matches(record.map(|record| &record.digest), || key_digest(secret));
    (same & Choice::from(u8::from(live))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(plain: &PlainClient) -> ClientRecord {
        ClientRecord {
            id: plain.id().to_owned(),
            digest: plain.digest(),
            user: "bob".into(),
            user_number: None,
            name: None,
            scopes: vec![],
            revoked: false,
        }
    }

    #[test]
    fn only_the_secret_of_a_live_client_matches() {
        let plain = PlainClient::mint();
        let live = record(&plain);
        assert!(secret_matches(Some(&live), plain.reveal_secret()));
        assert!(!secret_matches(Some(&live), PlainClient::mint().reveal_secret()));
        assert!(!secret_matches(None, plain.reveal_secret()));
        let revoked = ClientRecord { revoked: true, ..live };
        assert!(!secret_matches(Some(&revoked), plain.reveal_secret()));
    }
}
