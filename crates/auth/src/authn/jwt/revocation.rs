//! Tokens that were taken back before their end (RFC 7009).
//!
//! A token is verified without asking anybody, so whoever takes one back has to be asked
//! after all: by the token's name (`jti`), or by its age and its client, its user or the key that
//! signed it, where many were taken back at once. That is done once signature and claims are known
//! to be good.

use jiff::Timestamp;

use crate::{Identity, Rejection};

/// Knows which tokens were taken back. Asked at every request, and so answered from memory.
pub trait Revocations: Send + Sync + 'static {
    /// Whether this token was taken back.
    ///
    /// # Errors
    /// [`Rejection::unavailable`] if that cannot be said now.
    fn is_revoked(&self, token: TokenName<'_>) -> Result<bool, Rejection>;
}

/// By what a token can have been taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenName<'a> {
    /// Its own name, unique within the issuer (`jti`). One that has none is called by its digest.
    pub jti: Option<&'a str>,
    /// The client that it was issued to (`client_id`).
    pub client: Option<&'a str>,
    /// The user that it speaks for (`sub`).
    pub user: Option<&'a str>,
    /// The key that signed it (`kid`).
    pub key: Option<&'a str>,
    /// When it was issued (`iat`), in seconds since 1970. A token that does not say so counts
    /// as older than any other.
    pub issued: Option<i64>,
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

impl<'a> TokenName<'a> {
    /// The token behind an identity.
    pub fn of(identity: &'a Identity) -> Self {
        Self {
            jti: Some(&identity.credential),
            client: Some(&identity.client),
            user: Some(&identity.user),
            key: identity.key.as_deref(),
            issued: identity.issued.map(Timestamp::as_second),
        }
    }
}

/// Refuses a token that was taken back.
pub(super) fn check(
    revocations: Option<&dyn Revocations>,
    identity: &Identity,
) -> Result<(), Rejection> {
    let Some(revocations) = revocations else { return Ok(()) };
    if revocations.is_revoked(TokenName::of(identity))? {
        // Its signature is good: no stranger's text in the log.
        let name = &identity.credential;
        return Err(Rejection::revoked_credential(format!("jti: the token {name} was revoked")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::authn::jwt::mint::new_hs256_secret;
    use crate::authn::jwt::{Claims, JwtVerifier, KeySet, Rules, Signer, VerifyingKey};

    /// Knows one revoked token, or cannot say.
    struct List(Result<&'static str, ()>);

    impl Revocations for List {
        fn is_revoked(&self, token: TokenName<'_>) -> Result<bool, Rejection> {
            let known = self.0.map_err(|()| Rejection::unavailable(Duration::ZERO, "gone"))?;

            let old = token.issued.is_none_or(|issued| issued < Timestamp::now().as_second() - 10);
            Ok(token.jti == Some(known) || token.client == Some(known) && old)
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
            self.status_of(Claims { jti: jti.map(str::to_owned), ..Claims::default() }, life)
        }

        fn status_of(&self, claims: Claims, life: i64) -> u16 {
            let claims = Claims {
                iss: "i".to_owned(),
                sub: "bob".to_owned(),
                aud: "a".into(),
                exp: Timestamp::now().as_second() + life,
                ..claims
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
    fn old_tokens_of_a_client_are_refused_and_no_others() {
        let place = Place::new(Ok("gone"));
        let of = |client: &str, jti: Option<&str>, age: Option<i64>| Claims {
            client_id: Some(client.to_owned()),
            jti: jti.map(str::to_owned),
            iat: age.map(|age| Timestamp::now().as_second() - age),
            ..Claims::default()
        };
        for (claims, status) in [
            (of("gone", Some("a"), Some(60)), 401),
            (of("gone", None, Some(60)), 401),
            (of("gone", None, None), 401),
            (of("gone", Some("a"), Some(0)), 200),
            (of("other", Some("a"), Some(60)), 200),
        ] {
            assert_eq!(place.status_of(claims.clone(), 60), status, "{claims:?}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_lets_nothing_through() {
        let place = Place::new(Err(()));
        assert_eq!(place.status(Some("any"), 60), 503);
        // A token that is no good anyway is not asked for.
        assert_eq!(place.status(Some("any"), -60), 401);
    }
}
