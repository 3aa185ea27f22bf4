//! Tokens that were verified before, so that a signature is looked at once.
//!
//! What is remembered is what cannot change: that this very text was signed by this very key, and
//! what it says. All that can change is asked at every use, and so nothing has to be told to the
//! memory: whether the key still has its name and verifies, whether the token is within its time,
//! whether it was taken back, and, further in, what its roles and scopes reach.
//!
//! An entry holds the key itself, not its name. A set of keys that is replaced while a token is
//! being verified brings other keys, even if they are the same numbers, and what was verified
//! under the ones before is looked at again.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use super::VerifyingKey;
use super::verify::Times;
use crate::{Identity, metrics};

/// How many tokens a server remembers unless it is told otherwise: some 8 MB when it is full.
pub const DEFAULT: usize = 10_000;

/// Tokens by their digests, the ones that come often longer than the others.
pub(super) struct Remembered(Cache<Digest, Arc<Verified>>);

/// SHA-256 of a token. To be found by it is no secret that timing could tell: who does not have
/// the token cannot choose its digest.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct Digest([u8; 32]);

/// What a signature has vouched for.
pub(super) struct Verified {
    pub(super) key: Arc<VerifyingKey>,
    pub(super) times: Times,
    pub(super) identity: Arc<Identity>,
}

impl Remembered {
    /// `None` if nothing is to be remembered.
    pub(super) fn new(most: usize) -> Option<Arc<Self>> {
        if most == 0 {
            return None;
        }
        let remembered = Arc::new(Self(Cache::new(most)));
        metrics::expect_remembered();
        metrics::watch(&remembered, |remembered, gauges| {
            gauges.add(metrics::REMEMBERED, None, remembered.0.len() as f64);
        });
        Some(remembered)
    }

    pub(super) fn get(&self, token: &Digest) -> Option<Arc<Verified>> {
        self.0.get(token)
    }

    pub(super) fn put(&self, token: Digest, verified: &Arc<Verified>) {
        self.0.insert(token, Arc::clone(verified));
    }

    /// Counts a token that was known, or that had to be verified.
    pub(super) fn count(known: bool) {
        metrics::remembered(if known { metrics::KNOWN } else { metrics::NEW });
    }
}

impl Digest {
    pub(super) fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("tokens", &self.0.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use jiff::{SignedDuration, Timestamp};
    use jsonwebtoken::{EncodingKey, Header};

    use super::*;
    use crate::authn::jwt::mint::new_hs256_secret;
    use crate::authn::jwt::{Claims, JwtVerifier, KeySet, Revocations, Rules, Signer, TokenName};
    use crate::{Live, Rejection};

    struct Place {
        secret: String,
        keys: Live<KeySet>,
        revoked: Arc<List>,
        verifier: JwtVerifier<Live<KeySet>>,
        now: Timestamp,
    }

    #[derive(Default)]
    struct List(Mutex<Vec<String>>);

    impl Revocations for List {
        fn is_revoked(&self, token: TokenName<'_>) -> Result<bool, Rejection> {
            Ok(self.0.lock().unwrap().iter().any(|jti| token.jti == Some(jti)))
        }
    }

    impl Place {
        fn new(most: usize) -> Self {
            let secret = new_hs256_secret().to_string();
            let keys = Live::from(KeySet::hs256(&secret).unwrap());
            let revoked = Arc::<List>::default();
            let verifier = JwtVerifier::new(keys.clone(), Rules::new("i", "a"))
                .with_revocations(revoked.clone())
                .remembering(most);
            Self { secret, keys, revoked, verifier, now: Timestamp::now() }
        }

        fn claims(&self, jti: &str) -> Claims {
            Claims {
                iss: "i".to_owned(),
                sub: "bob".to_owned(),
                aud: "a".into(),
                exp: self.now.as_second() + 60,
                iat: Some(self.now.as_second()),
                jti: Some(jti.to_owned()),
                client_id: Some("c".to_owned()),
                ..Claims::default()
            }
        }

        fn token(&self, jti: &str) -> String {
            Signer::hs256(&self.secret).unwrap().mint(&self.claims(jti))
        }

        fn nameless(&self) -> String {
            let header = Header { typ: Some("at+jwt".to_owned()), ..Header::default() };
            let key = EncodingKey::from_base64_secret(&to_standard(&self.secret)).unwrap();
            jsonwebtoken::encode(&header, &self.claims("nameless"), &key).unwrap()
        }

        fn status(&self, token: &str, later: i64) -> u16 {
            let now = self.now + SignedDuration::from_secs(later);
            let verified = self.verifier.verify_at(token, now);
            verified.map_or_else(|refused| refused.rejection.status().as_u16(), |_| 200)
        }

        fn tokens(&self) -> usize {
            self.verifier.remembered().map_or(0, |remembered| remembered.0.len())
        }

        fn read_again(&self, file: &str) {
            self.keys.replace(KeySet::hs256(file).unwrap());
        }
    }

    fn to_standard(url_safe: &str) -> String {
        url_safe.replace('-', "+").replace('_', "/") + "="
    }

    #[test]
    fn a_good_token_is_remembered_and_a_bad_one_is_not() {
        let place = Place::new(10);
        let token = place.token("a");
        assert_eq!((place.status(&token, 0), place.tokens()), (200, 1));
        let known = place.verifier.remembered().unwrap().get(&Digest::of(&token)).unwrap();
        let again = place.verifier.verify(&token).unwrap();
        assert!(Arc::ptr_eq(&again, &known.identity), "it was looked at twice");
        let forged = format!("{}x", &token[..token.len() - 1]);
        assert_eq!((place.status(&forged, 0), place.tokens()), (401, 1));
        assert_eq!((place.status(&place.token("b"), 90), place.tokens()), (401, 1));
        let place = Place::new(0);
        assert_eq!((place.status(&place.token("a"), 0), place.tokens()), (200, 0));
    }

    #[test]
    fn what_changed_since_counts_for_a_token_that_is_remembered() {
        let place = Place::new(10);
        let [token, other] = ["a", "b"].map(|jti| place.token(jti));
        assert_eq!((place.status(&token, 0), place.status(&other, 0)), (200, 200));
        assert_eq!(place.status(&token, 64), 200, "within the leeway");
        assert_eq!(place.status(&token, 65), 401, "it has ended");
        assert_eq!(place.status(&token, -6), 401, "the clock was put back: not issued yet");
        place.revoked.0.lock().unwrap().push("a".to_owned());
        assert_eq!((place.status(&token, 0), place.status(&other, 0)), (401, 200));

        place.read_again(&place.secret);
        assert_eq!(place.status(&other, 0), 200);
        let soon = place.now + SignedDuration::from_secs(30);
        let next = new_hs256_secret();
        let rotated = format!("Verify-Until: {soon}\n{}\n\n{}\n", place.secret, *next);
        place.read_again(&rotated);
        assert_eq!(place.status(&other, 29), 200);
        assert_eq!(place.status(&other, 30), 401, "its key verifies no more");
        place.read_again(&next);
        assert_eq!(place.status(&other, 0), 401, "its key is gone");
        place.read_again(&place.secret);
        assert_eq!(place.status(&other, 0), 200);
    }

    #[test]
    fn a_token_that_names_no_key_is_good_under_an_only_one() {
        let place = Place::new(10);
        let token = place.nameless();
        assert_eq!((place.status(&token, 0), place.tokens()), (200, 1));
        place.read_again(&format!("{}\n\n{}\n", place.secret, *new_hs256_secret()));
        assert_eq!(place.status(&token, 0), 401);
    }

    #[test]
    fn no_more_are_remembered_than_may_be() {
        let place = Place::new(10);
        for number in 0..100 {
            assert_eq!(place.status(&place.token(&number.to_string()), 0), 200);
        }
        assert!((1..=10).contains(&place.tokens()), "{}", place.tokens());
    }

    /// Others verify without a pause, and put what they found into memory, while another key takes
    /// the name of the key and gives it back: what a look saw that began earlier counts for no
    /// later one.
    #[test]
    fn a_key_that_was_replaced_is_so_for_all_who_ask_later() {
        let place = Place::new(10);
        let token = place.token("a");
        let over = AtomicBool::new(false);
        let name = VerifyingKey::hs256(&place.secret).unwrap().kid().to_owned();
        let of_that_name = |secret: &str| {
            let key = VerifyingKey::hs256(secret).unwrap();
            KeySet::from(VerifyingKey { kid: name.clone(), ..key })
        };
        let both = [place.secret.clone(), new_hs256_secret().to_string()];
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        place.status(&token, 0);
                    }
                });
            }
            let seen = (0..4_000).find(|turn| {
                let there = turn % 2 == 0;
                place.keys.replace(of_that_name(&both[turn % 2]));
                (0..20).any(|_| place.status(&token, 0) != if there { 200 } else { 401 })
            });
            over.store(true, Ordering::Relaxed);
            assert_eq!(seen, None);
        });
    }
}
