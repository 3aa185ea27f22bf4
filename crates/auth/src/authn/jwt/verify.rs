//! The scheme `jwt`: signed token → claims → identity, for HS256 and RS256 alike.
//!
//! The signature is verified by jsonwebtoken; what is asked of header and claims is asked
//! here, once, with a sentence for the log for each check. Its own `Validation` takes
//! tokens without `aud` and `iss`, and looks at neither `typ` nor `crit`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::claims::present;
use super::members::{TWICE, unique};
use super::remembered::{Digest, Remembered, Verified};
use super::revocation::{self, Revocations};
use super::{Claims, Keys, Rules, VerifyingKey};
use crate::authn::Scheme;
use crate::authn::credential::Credential;
use crate::shown::shown;
use crate::{Identity, Rejection};

/// The scheme's name.
pub const NAME: &str = "jwt";

/// Verifies tokens of one issuer for one audience.
pub struct JwtVerifier<K> {
    keys: K,
    rules: Rules,
    revocations: Option<Arc<dyn Revocations>>,
    remembered: Option<Arc<Remembered>>,
}

impl<K: Keys> JwtVerifier<K> {
    /// Verifies with these keys under these rules.
    pub fn new(keys: K, rules: Rules) -> Self {
        Self { keys, rules, revocations: None, remembered: None }
    }

    /// Asks for every token that is good otherwise whether it was taken back.
    pub fn with_revocations(self, revocations: Arc<dyn Revocations>) -> Self {
        Self { revocations: Some(revocations), ..self }
    }

    /// Remembers up to so many tokens that were verified, and does not look at their signatures
    /// again; see [`remembered`](super::remembered). 0: none.
    pub fn remembering(self, most: usize) -> Self {
        Self { remembered: Remembered::new(most), ..self }
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> Option<&Remembered> {
        self.remembered.as_deref()
    }

    /// For how long after its `exp` a token is taken still.
    pub fn leeway(&self) -> Duration {
        self.rules.leeway
    }

    /// The identity behind a token.
    ///
    /// # Errors
    /// 401 for every token that is not valid here and now, 503 if it cannot be known whether
    /// it was taken back.
    pub fn verify(&self, token: &str) -> Result<Arc<Identity>, Rejection> {
        self.verify_at(token, Timestamp::now()).map_err(|refused| refused.rejection)
    }

    pub(super) fn verify_at(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, Refused> {
        let Some(remembered) = &self.remembered else {
            let verified = self.verified(token, now)?;
            revocation::check(self.revocations.as_deref(), &verified.identity)?;
            return Ok(verified.identity);
        };
        let digest = Digest::of(token);
        let known = remembered.get(&digest);
        // Nothing that can change is taken from memory: the key is asked for anew, and so is
        // whether the token was taken back.
        let known = known.filter(|known| self.still_holds(known, now));
        Remembered::count(known.is_some());
        let verified = match known {
            Some(known) => known,
            None => {
                let verified = Arc::new(self.verified(token, now)?);
                remembered.put(digest, &verified);
                verified
            }
        };
        revocation::check(self.revocations.as_deref(), &verified.identity)?;
        Ok(Arc::clone(&verified.identity))
    }

    /// Whether what was verified before would be verified now: under the key that has its name
    /// now, and within its time.
    fn still_holds(&self, known: &Verified, now: Timestamp) -> bool {
        let key = self.keys.find(Some(known.key.kid()));
        key.is_ok_and(|key| key.is_some_and(|key| Arc::ptr_eq(&key, &known.key)))
            && known.key.is_live(now)
            && self.judge_times(&known.times, now.as_second()).is_ok()
    }

    fn verified(&self, token: &str, now: Timestamp) -> Result<Verified, Refused> {
        let (claims, key) = self.signed_claims(token, now)?;
        self.judge(&claims, now.as_second())?;
        let times = Times { exp: claims.exp, nbf: claims.nbf, iat: claims.iat };
        let identity = Arc::new(identity(claims, token, &key));
        Ok(Verified { key, times, identity })
    }

    /// With the key that verified them.
    fn signed_claims(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<(Claims, Arc<VerifyingKey>), Refused> {
        let parts = token.rsplit_once('.').and_then(|(message, signature)| {
            message.split_once('.').map(|(header, payload)| (message, header, payload, signature))
        });
        let Some((message, header, payload, signature)) = parts else {
            return Err(invalid("not a token: it has not three parts").into());
        };
        let header: TokenHeader = part(header, "header")?;
        if header.crit.is_some() || header.b64.is_some() {
            let reason = "crit, b64: the token needs an extension (RFC 7515 §4.1.11)";
            return Err(invalid(reason).into());
        }
        if !is_type(header.typ.as_deref(), self.rules.typ.as_deref()) {
            let (expected, found) = (&self.rules.typ, shown(&header.typ));
            return Err(invalid(format!("typ: expected {expected:?}, found {found}")).into());
        }
        let Some(key) = self.keys.find(header.kid.as_deref())? else {
            let rejection = invalid(format!("kid: no key is called {}", shown(&header.kid)));
            return Err(Refused { rejection, no_such_key: true });
        };
        if let Some(until) = key.until.filter(|until| *until <= now) {
            let kid = key.kid();
            return Err(
                invalid(format!("kid: the key {kid} verifies nothing since {until}")).into()
            );
        }
        if !names(&header.alg, key.algorithm) {
            let expected = key.algorithm;
            let found = shown(&header.alg);
            return Err(invalid(format!("alg: expected {expected:?}, found {found}")).into());
        }
        let verified =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, key.algorithm);
        if !verified.unwrap_or(false) {
            return Err(invalid("signature: it does not verify").into());
        }
        Ok((part(payload, "claims")?, key))
    }

    fn judge(&self, claims: &Claims, now: i64) -> Result<(), Rejection> {
        let Rules { issuer, audience, .. } = &self.rules;
        let Claims { exp, nbf, iat, .. } = *claims;
        if claims.iss != *issuer {
            let found = shown(&claims.iss);
            return Err(invalid(format!("iss: expected {issuer:?}, found {found}")));
        }
        if !claims.aud.contains(audience) {
            let found = shown(&claims.aud);
            return Err(invalid(format!("aud: expected {audience:?}, found {found}")));
        }
        if claims.sub.is_empty() {
            return Err(invalid("sub: it is empty"));
        }
        self.judge_times(&Times { exp, nbf, iat }, now)?;
        let life = exp.saturating_sub(iat.unwrap_or(now));
        if life > seconds(self.rules.longest_life).saturating_add(seconds(self.rules.leeway)) {
            return Err(invalid(format!("exp: the token lives {life} s, longer than is allowed")));
        }
        if self.rules.full_profile {
            for (name, there) in [
                ("jti", claims.jti.as_ref().is_some_and(|jti| !jti.is_empty())),
                ("client_id", claims.client_id.as_ref().is_some_and(|id| !id.is_empty())),
                ("iat", claims.iat.is_some()),
            ] {
                if !there {
                    return Err(invalid(format!("{name}: it is missing or empty")));
                }
            }
        }
        Ok(())
    }

    fn judge_times(&self, times: &Times, now: i64) -> Result<(), Rejection> {
        let leeway = seconds(self.rules.leeway);
        let soon = now.saturating_add(leeway);
        if times.exp.saturating_add(leeway) <= now {
            let reason = format!("exp: expected after {now}, found {}", times.exp);
            return Err(Rejection::expired_credential(reason));
        }
        if let Some(start) = times.nbf.filter(|start| *start > soon) {
            return Err(invalid(format!("nbf: expected at most {now}, found {start}")));
        }
        if let Some(issued) = times.iat.filter(|issued| *issued > soon) {
            return Err(invalid(format!("iat: expected at most {now}, found {issued}")));
        }
        Ok(())
    }
}

impl<K: Keys> Scheme for JwtVerifier<K> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn authenticate(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        match Credential::read(head)? {
            Credential::Bearer(token) => match self.verify_at(token, Timestamp::now()) {
                Err(refused) if refused.no_such_key && self.keys.newer().await => {
                    self.verify(token)
                }
                known => known.map_err(|refused| refused.rejection),
            },
            Credential::ApiKey(_) => Err(Rejection::no_credential("an API key is not a token")),
            Credential::Basic(_) => Err(Rejection::no_credential("Basic is not accepted here")),
        }
    }
}

/// What the clock decides of a token, in seconds since 1970 (RFC 7519 §4.1).
#[derive(Debug)]
pub(super) struct Times {
    pub(super) exp: i64,
    pub(super) nbf: Option<i64>,
    pub(super) iat: Option<i64>,
}

/// A token that was not taken.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) rejection: Rejection,
    /// It names a key that is not there, or not yet.
    no_such_key: bool,
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, no_such_key: false }
    }
}

/// RFC 7515 §4.1. `jku`, `jwk`, `x5u` and `x5c` are not even read: a token does not bring
/// the key that verifies it.
#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
    /// Changes what is signed (RFC 7797).
    #[serde(default, deserialize_with = "present")]
    b64: Option<IgnoredAny>,
}

fn part<T: serde::de::DeserializeOwned>(text: &str, which: &str) -> Result<T, Rejection> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| invalid(format!("{which}: not base64url without padding")))?;
    unique(&bytes).map_err(|error| {
        let text = error.to_string();
        // The parser's words about a value repeat the value; those about a member name it.
        let named = ["missing field", TWICE].iter().any(|what| text.starts_with(what));
        let what = if named { text } else { format!("not as expected at byte {}", error.column()) };
        invalid(format!("{which}: {what}"))
    })
}

/// Media types are compared without case, and `application/` may be left out (RFC 7515 §4.1.9).
fn is_type(found: Option<&str>, expected: Option<&str>) -> bool {
    let short = |typ: &str| {
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
    };
    found.map(short) == expected.map(short)
}

fn names(alg: &str, algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::HS256 => alg == "HS256",
        Algorithm::RS256 => alg == "RS256",
        _ => false,
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn invalid(reason: impl Into<std::borrow::Cow<'static, str>>) -> Rejection {
    Rejection::invalid_credential(reason)
}

fn identity(claims: Claims, token: &str, key: &VerifyingKey) -> Identity {
    let scopes = claims.scope.as_deref().unwrap_or_default().split(' ');
    Identity {
        scheme: NAME,
        issuer: claims.iss,
        client: claims.client_id.or(claims.azp).unwrap_or_else(|| claims.sub.clone()),
        user: claims.sub,
        user_number: claims.id,
        name: claims.name,
        credential: claims.jti.unwrap_or_else(|| fingerprint(token)),
        roles: claims.job_role.into_iter().collect(),
        scopes: scopes.filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        grants: Vec::new(),
        read_only: false,
        rate: None,
        issued: claims.iat.and_then(|iat| Timestamp::from_second(iat).ok()),
        key: Some(key.kid().to_owned()),
        expires: Timestamp::from_second(claims.exp).ok(),
    }
}

/// Names a token that has no name of its own. Nobody gets from here back to the token.
fn fingerprint(token: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let short = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", short.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::KeySet;
    use super::*;

    /// The edge of what clocks may differ by, to the second.
    #[test]
    fn five_seconds_are_forgiven_and_no_more() {
        const NOW: i64 = 1_800_000_000;
        let verifier = JwtVerifier::new(KeySet::from_iter([]), Rules::new("i", "a"));
        let judged = |change: fn(&mut Claims)| {
            let mut claims = Claims {
                iss: "i".into(),
                sub: "bob".into(),
                aud: "a".into(),
                exp: NOW + 60,
                iat: Some(NOW),
                jti: Some("j".into()),
                client_id: Some("c".into()),
                ..Claims::default()
            };
            change(&mut claims);
            verifier.judge(&claims, NOW).is_ok()
        };
        assert!(judged(|_| ()));
        assert!(judged(|claims| (claims.exp, claims.iat) = (NOW - 4, Some(NOW - 60))));
        assert!(!judged(|claims| (claims.exp, claims.iat) = (NOW - 5, Some(NOW - 60))));
        assert!(judged(|claims| claims.nbf = Some(NOW + 5)));
        assert!(!judged(|claims| claims.nbf = Some(NOW + 6)));
        assert!(judged(|claims| claims.iat = Some(NOW + 5)));
        assert!(!judged(|claims| claims.iat = Some(NOW + 6)));
    }
}
