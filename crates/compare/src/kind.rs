//! The three schemes that are compared.

use std::fmt;

use serde::Serialize;

/// One of the three. A fourth is a line here, a side in [`World`](crate::World) and a column
/// in the abilities; the hostile tests run over [`Kind::ALL`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `apikey-server`: a key that is compared by its digest.
    ApiKey,
    /// `jwt-server`: an HS256 token from its own `/token`.
    Jwt,
    /// `rbac-server`: an RS256 token, of which the server has the public key alone.
    Rbac,
}

impl Kind {
    /// All there are, in the order of the columns.
    pub const ALL: [Self; 3] = [Self::ApiKey, Self::Jwt, Self::Rbac];

    /// The name that its packages begin with.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "apikey",
            Self::Jwt => "jwt",
            Self::Rbac => "rbac",
        }
    }

    /// What stands over its column.
    pub fn title(self) -> &'static str {
        match self {
            Self::ApiKey => "API key",
            Self::Jwt => "JWT (HS256)",
            Self::Rbac => "RBAC (RS256)",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
