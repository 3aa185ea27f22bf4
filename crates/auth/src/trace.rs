//! The name under which one request is found again.

use http::{Extensions, HeaderName, HeaderValue};
use uuid::Uuid;

/// Names one request in the log, in a refusal's body and in the header `x-request-id`.
///
/// It is always made here: a value that a client sent could forge another's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(Uuid);

impl TraceId {
    /// The response header that carries it.
    pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

    /// A new one; later ones sort after earlier ones.
    #[expect(clippy::new_without_default, reason = "two defaults would not be equal")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The one this request has, which it is given if it has none yet.
    pub fn of(extensions: &mut Extensions) -> Self {
        *extensions.get_or_insert_with(Self::new)
    }

    /// The value of [`TraceId::HEADER`].
    pub fn header_value(&self) -> HeaderValue {
        let mut buffer = Uuid::encode_buffer();
        HeaderValue::from_str(self.0.as_hyphenated().encode_lower(&mut buffer))
            .expect("hexadecimal digits and hyphens are a header value")
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}
