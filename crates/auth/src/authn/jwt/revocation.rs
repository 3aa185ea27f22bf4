//! Tokens that were taken back before their end (RFC 7009).
//!
//! A token is verified without asking anybody, so whoever takes one back has to be asked
//! after all: by the token's name (`jti`), once signature and claims are known to be good.

use jiff::Timestamp;

use super::Claims;
use crate::Rejection;

/// Knows which tokens were taken back. Asked at every request, and so answered from memory.
pub trait Revocations: Send + Sync + 'static {
    /// Whether the token of this name was taken back.
    ///
    /// # Errors
    /// [`Rejection::unavailable`] if that cannot be said now.
    fn is_revoked(&self, jti: &str) -> Result<bool, Rejection>;
}

/// Takes tokens back.
pub trait Revoke: Send + Sync + 'static {
    /// Refuses a token from now on. To do so twice is no error. It may wait for a disk.
    ///
    /// # Errors
    /// [`Rejection::unavailable`] if the token stays good for now (RFC 7009 §2.2.1).
    fn revoke(&self, token: RevokedToken) -> Result<(), Rejection>;
}

/// A token that is taken back. The token itself is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its name, unique within the issuer.
    pub jti: String,
    /// The client that took it back (RFC 6749 §2.2).
    pub client: String,
    /// From when on no verifier takes it anyway: `exp`, and the leeway on top. Until then it
    /// has to be remembered.
    pub ends: Timestamp,
}

/// A token without a name cannot have been taken back by it.
pub(super) fn check(
    revocations: Option<&dyn Revocations>,
    claims: &Claims,
) -> Result<(), Rejection> {
    let (Some(revocations), Some(jti)) = (revocations, &claims.jti) else { return Ok(()) };
    if revocations.is_revoked(jti)? {
        // It is known here, and so one of ours: no stranger's text in the log.
        return Err(Rejection::revoked_credential(format!("jti: the token {jti} was revoked")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::authn::jwt::mint::new_hs256_secret;
    use crate::authn::jwt::{JwtVerifier, KeySet, Rules, Signer, VerifyingKey};

    /// Knows one revoked token, or cannot say.
    struct List(Result<&'static str, ()>);

    impl Revocations for List {
        fn is_revoked(&self, jti: &str) -> Result<bool, Rejection> {
            let known = self.0.map_err(|()| Rejection::unavailable(Duration::ZERO, "gone"))?;
            Ok(known == jti)
        }
    }

    struct Place {
        signer: Signer,
        verifier: JwtVerifier<KeySet>,
    }

    impl Place {
        fn new(list: Result<&'static str, ()>) -> Self {
            let secret = new_hs256_secret();
            let key = VerifyingKey::hs256(&secret).unwrap();
            let mut rules = Rules::new("i", "a");
            rules.full_profile = false;
            let verifier = JwtVerifier::new(KeySet::from(key), rules);
            let verifier = verifier.with_revocations(Arc::new(List(list)));
            Self { signer: Signer::hs256(&secret).unwrap(), verifier }
        }

        fn status(&self, jti: Option<&str>, life: i64) -> u16 {
            let claims = Claims {
                iss: "i".to_owned(),
                sub: "bob".to_owned(),
                aud: "a".into(),
                exp: Timestamp::now().as_second() + life,
                jti: jti.map(str::to_owned),
                ..Claims::default()
            };
            let verified = self.verifier.verify(&self.signer.mint(&claims));
            verified.map_or_else(|rejection| rejection.status().as_u16(), |_| 200)
        }
    }

    #[test]
    fn the_token_of_that_name_is_refused_and_no_other() {
        let place = Place::new(Ok("gone"));
        assert_eq!(place.status(Some("gone"), 60), 401);
        assert_eq!(place.status(Some("gone "), 60), 200);
        assert_eq!(place.status(None, 60), 200);
    }

    #[test]
    fn a_list_that_cannot_be_read_lets_nothing_through() {
        let place = Place::new(Err(()));
        assert_eq!(place.status(Some("any"), 60), 503);
        // A token that is no good anyway is not asked for.
        assert_eq!(place.status(Some("any"), -60), 401);
    }
}
