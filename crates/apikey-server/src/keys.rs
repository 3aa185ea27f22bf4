//! The two forms in which this server knows keys.

use std::sync::Arc;

use http::request::Parts;
use mcp_auth::authn::Scheme;
use mcp_auth::authn::apikey::{ApiKeys, OneKey};
use mcp_auth::{Identity, Rejection};
use store::Store;

/// A store of keys, or one key from the environment. Which of them is decided once.
#[derive(Clone)]
pub(crate) enum Keys {
    /// Exactly one key, which may call everything.
    One(Arc<OneKey>),
    /// Any number of keys, each with its owner and its grants.
    Stored(Arc<ApiKeys<Store>>),
}

impl Scheme for Keys {
    fn name(&self) -> &'static str {
        match self {
            Self::One(key) => key.name(),
            Self::Stored(keys) => keys.name(),
        }
    }

    async fn authenticate(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        match self {
            Self::One(key) => key.authenticate(head).await,
            Self::Stored(keys) => keys.authenticate(head).await,
        }
    }
}
