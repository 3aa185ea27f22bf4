//! What every way of authenticating has in common.

use std::sync::Arc;

use http::request::Parts;

use crate::{Identity, Rejection};

/// A way of finding out who is calling.
///
/// It is async because a scheme may have to ask (token introspection waits on the
/// network), and it is given the whole head because a client certificate does not
/// arrive in a header but in the extensions.
pub trait Scheme: Send + Sync + 'static {
    /// Its name in logs, in `whoami` and in tables.
    fn name(&self) -> &'static str;

    /// Verifies the credential in the head of a request.
    ///
    /// # Errors
    /// A [`Rejection`] for everything but one valid credential. A scheme never passes a
    /// request on to another scheme, and never answers for a caller it does not know.
    fn authenticate(
        &self,
        head: &Parts,
    ) -> impl Future<Output = Result<Arc<Identity>, Rejection>> + Send;
}
