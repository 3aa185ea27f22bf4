//! The claims of an access token (RFC 9068 §2.2), each of the right type or the token is refused.

use serde::{Deserialize, Serialize};

use crate::scalar::Scalar;

/// What a token says. Unknown claims are not read; a known one given twice is an error.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Claims {
    /// Who issued it. Compared exactly.
    pub iss: String,
    /// The user, unique within the issuer.
    pub sub: String,
    /// The servers it is for.
    pub aud: Audience,
    /// The moment it ends, in seconds since 1970.
    pub exp: i64,
    /// The moment it was issued, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub iat: Option<i64>,
    /// The moment before which it does not count, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub nbf: Option<i64>,
    /// Names this one token.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub jti: Option<String>,
    /// The program that it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub client_id: Option<String>,
    /// The same, where an issuer has no `client_id` (OpenID Connect Core 1.0 §2).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub azp: Option<String>,
    /// Scopes, separated by single spaces (RFC 6749 §3.3).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub scope: Option<String>,
    /// The caller's role. A value that is no string counts as no role.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "role")]
    pub job_role: Option<String>,
    /// The number by which the issuer's other systems know the user.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub id: Option<String>,
    /// A name to show people.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub name: Option<String>,
}

/// One server, or a list of them (RFC 7519 §4.1.3).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// A single identifier.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// Whether exactly this identifier is among them.
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<&str> for Audience {
    fn from(audience: &str) -> Self {
        Self::One(audience.to_owned())
    }
}

/// A claim that is there has to have its type: `null` is not the same as absent.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn role<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Text(role) if !role.is_empty() => Some(role),
        _ => None,
    })
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Text(id) => Some(id),
        Scalar::Number(id) => Some(id.to_string()),
        _ => None,
    })
}
