//! What is asked of a token.

use std::time::Duration;

/// The `typ` of access tokens (RFC 9068 §2.1).
const ACCESS_TOKEN: &str = "at+jwt";

/// What is asked of a token beyond its signature.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The only `iss` that is accepted, compared exactly.
    pub issuer: String,
    /// Has to be among `aud`, compared exactly (RFC 8707 §2).
    pub audience: String,
    /// By how much clocks may differ, for `exp`, `nbf` and `iat`.
    pub leeway: Duration,
    /// How long a token may live at most, from `iat` (or from now, if it has none).
    pub longest_life: Duration,
    /// Whether `jti`, `client_id` and `iat` have to be there (RFC 9068 §2.2). Those that are
    /// there are judged either way.
    pub full_profile: bool,
    /// The `typ` of every token, with or without `application/` before it (RFC 9068 §4);
    /// `None`: of an issuer whose tokens have no `typ`.
    pub typ: Option<String>,
}

impl Rules {
    /// The rules for one issuer and one audience: 5 s of leeway, a life of 24 h at most, and
    /// `typ` and every claim of RFC 9068.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            leeway: Duration::from_secs(5),
            longest_life: Duration::from_secs(24 * 60 * 60),
            full_profile: true,
            typ: Some(ACCESS_TOKEN.to_owned()),
        }
    }
}
