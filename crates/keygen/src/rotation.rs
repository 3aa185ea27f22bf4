//! A key takes over from another, at a moment that all servers hear of before.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};
use mcp_auth::authn::jwt::key_file::{SIGN_FROM, VERIFY_UNTIL, entries};
use mcp_auth::authn::jwt::{KeyError, KeyFileError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Error;
use crate::cli::Rotate;

/// Servers look at their files twice a second, and read what is at rest.
const SHORTEST_LEAD: Duration = Duration::from_secs(5);
/// Others who have the public keys from `/jwks.json` ask for one that is not there at once, but not
/// again for ten seconds, and a stranger may have made them ask just before.
const USUAL_LEAD: Duration = Duration::from_secs(30);
/// No server of this workspace, and not `keygen token`, signs anything that lives longer.
pub(crate) const USUAL_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys of a file. It has no `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Ring(Vec<Kept>);

/// One of them, and what the file says about it.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) kid: String,
    pub(crate) text: Zeroizing<String>,
    sign_from: Option<Timestamp>,
    verify_until: Option<Timestamp>,
}

/// When a new key takes over.
#[derive(Clone, Copy)]
pub(crate) struct Takeover {
    now: Timestamp,
    /// When it begins to sign.
    pub(crate) at: Timestamp,
    /// When those before it stop to verify.
    pub(crate) until: Timestamp,
}

impl Takeover {
    /// # Errors
    /// The moment is too near for servers to have heard of it, or the overlap reaches too far.
    pub(crate) fn planned(options: &Rotate) -> Result<Self, Error> {
        let now = Timestamp::now();
        let at = options.at.unwrap_or(now + USUAL_LEAD);
        if at < now + SHORTEST_LEAD {
            return Err(Error::Invalid(format!(
                "servers may take {} s to see the new key before it signs; name a moment further \
                 ahead, such as --at 10s",
                SHORTEST_LEAD.as_secs()
            )));
        }
        let overlap = options.overlap.unwrap_or(USUAL_OVERLAP);
        let far = |_| Error::Invalid("--at and --overlap reach too far; name less".to_owned());
        let whole = TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Ceil);
        let at = at.round(whole).map_err(far)?;
        let until = at.checked_add(SignedDuration::try_from(overlap).map_err(far)?).map_err(far)?;
        Ok(Self { now, at, until })
    }

    /// What was done, and what is left to do, for people.
    pub(crate) fn said(&self, what: &str, kid: &str, prune: &str) -> String {
        format!(
            "made a {what} that takes over\n  kid       {kid}\n  signs     from {} on; servers that \
             run follow by themselves\n  before it  what signed until then verifies until {}\n\
             then:     cargo run -p keygen -- {prune}\n",
            self.at, self.until
        )
    }

    /// The same where keys were only removed.
    pub(crate) fn removed(kids: &[String]) -> String {
        match kids {
            [] => "nothing to remove: every key is in use still\n".to_owned(),
            kids => format!("removed {}\n", kids.join(", ")),
        }
    }
}

impl Kept {
    fn over(&self, now: Timestamp) -> bool {
        self.verify_until.is_some_and(|until| until <= now)
    }

    pub(crate) fn new(kid: String, text: &str) -> Self {
        let text = Zeroizing::new(text.trim().to_owned());
        Self { kid, text, sign_from: None, verify_until: None }
    }
}

impl From<Kept> for Ring {
    fn from(key: Kept) -> Self {
        Self(vec![key])
    }
}

impl Ring {
    /// The keys of a file; `kid` names a key.
    pub(crate) fn read(
        file: &str,
        kid: impl Fn(&str) -> Result<String, KeyError>,
    ) -> Result<Self, KeyFileError> {
        let kept = entries(file)?.into_iter().map(|entry| {
            let text = key_alone(entry.text);
            let kid = kid(text).map_err(|source| KeyFileError::Key { line: entry.line, source })?;
            let (sign_from, verify_until) = (entry.sign_from, entry.verify_until);
            Ok(Kept { sign_from, verify_until, ..Kept::new(kid, text) })
        });
        Ok(Self(kept.collect::<Result<_, _>>()?))
    }

    /// The file again.
    pub(crate) fn render(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for (index, key) in self.0.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            for (name, moment) in [(SIGN_FROM, key.sign_from), (VERIFY_UNTIL, key.verify_until)] {
                if let Some(moment) = moment {
                    text.push_str(&format!("{name}: {moment}\n"));
                }
            }
            text.push_str(&key.text);
            text.push('\n');
        }
        text
    }

    /// Lets a key take over from all that are there.
    ///
    /// # Errors
    /// Another is about to.
    pub(crate) fn take_over(&mut self, next: Kept, when: Takeover) -> Result<(), Error> {
        if let Some((kid, from)) = self.0.iter().find_map(|key| {
            key.sign_from.filter(|from| *from > when.now).map(|from| (&key.kid, from))
        }) {
            return Err(Error::Invalid(format!(
                "the key {kid} takes over at {from} already; rotate again after that"
            )));
        }
        for key in &mut self.0 {
            key.verify_until.get_or_insert(when.until);
        }
        self.0.push(Kept { sign_from: Some(when.at), ..next });
        Ok(())
    }

    /// Removes the keys that verify nothing any more. Returns their names.
    pub(crate) fn prune(&mut self, now: Timestamp) -> Vec<String> {
        let gone = self.0.iter().filter(|key| key.over(now)).map(|key| key.kid.clone()).collect();
        self.0.retain(|key| !key.over(now));
        gone
    }

    /// Whether no key verifies anything any more.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.0.iter().all(|key| key.over(now))
    }

    /// Adds the keys that are not there.
    pub(crate) fn add(&mut self, others: &Self) {
        for other in &others.0 {
            if !self.0.iter().any(|key| key.kid == other.kid) {
                self.0.push(other.clone());
            }
        }
    }

    /// The same keys, all of which end then.
    pub(crate) fn ending(mut self, until: Timestamp) -> Self {
        for key in &mut self.0 {
            key.verify_until = Some(until);
        }
        self
    }

    /// Takes over what another file says about the same keys, but for when they sign.
    pub(crate) fn say_like(&mut self, others: &Self) {
        for key in &mut self.0 {
            if let Some(other) = others.0.iter().find(|other| other.kid == key.kid) {
                key.verify_until = other.verify_until;
            }
        }
    }

    /// The same keys in another form, without when they sign.
    pub(crate) fn map(&self, form: impl Fn(&str) -> Result<String, Error>) -> Result<Self, Error> {
        let kept = self.0.iter().map(|key| {
            let text = Zeroizing::new(form(&key.text)?.trim().to_owned());
            Ok(Kept { kid: key.kid.clone(), text, sign_from: None, ..*key })
        });
        Ok(Self(kept.collect::<Result<_, Error>>()?))
    }

    /// The names of all, and until when each verifies, for people.
    pub(crate) fn lines(&self) -> String {
        let line = |key: &Kept| {
            let from = key.sign_from.map(|from| format!(", signs from {from}"));
            let until = key.verify_until.map(|until| format!(", verifies until {until}"));
            format!("  {}{}{}\n", key.kid, from.unwrap_or_default(), until.unwrap_or_default())
        };
        self.0.iter().map(line).collect()
    }

    /// The same for scripts.
    pub(crate) fn json(&self) -> Value {
        let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        let keys = self.0.iter().map(|key| {
            json!({
                "kid": key.kid, "signs_from": moment(key.sign_from),
                "verifies_until": moment(key.verify_until),
            })
        });
        keys.collect()
    }
}

/// A key in PEM without what stands around it, or a secret without white space.
fn key_alone(text: &str) -> &str {
    let begin = text.find("-----BEGIN ").unwrap_or(0);
    let end = text
        .find("-----END ")
        .map_or(text.len(), |end| text[end..].find('\n').map_or(text.len(), |line| end + line));
    text.get(begin..end).unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ring(file: &str) -> Ring {
        Ring::read(file, |text| Ok(text.to_owned())).ok().unwrap()
    }

    const WHEN: Takeover = Takeover {
        now: Timestamp::constant(1_893_456_000, 0), // 2030-01-01T00:00:00Z
        at: Timestamp::constant(1_893_456_010, 0),
        until: Timestamp::constant(1_893_542_410, 0),
    };

    #[test]
    fn a_key_takes_over_and_the_one_before_stays_for_a_while() {
        let mut keys = ring("old");
        assert_eq!(*keys.render(), "old\n");
        keys.take_over(Kept::new("new".to_owned(), "new"), WHEN).unwrap();
        let file = keys.render();
        assert_eq!(
            *file,
            "Verify-Until: 2030-01-02T00:00:10Z\nold\n\nSign-From: 2030-01-01T00:00:10Z\nnew\n"
        );
        assert_eq!(*ring(&file).render(), *file);
        // Not twice at a time.
        let error = keys.take_over(Kept::new("third".to_owned(), "third"), WHEN).unwrap_err();
        assert!(error.to_string().contains("new takes over at 2030-01-01T00:00:10Z"), "{error}");

        assert!(keys.prune(moment("2030-01-02T00:00:09Z")).is_empty());
        assert_eq!(keys.prune(moment("2030-01-02T00:00:10Z")), ["old"]);
        assert_eq!(*keys.render(), "Sign-From: 2030-01-01T00:00:10Z\nnew\n");
    }

    #[test]
    fn a_second_rotation_does_not_lengthen_the_life_of_the_first_key() {
        let mut keys = ring("Verify-Until: 2030-01-01T00:00:30Z\na\n\nb\n");
        keys.take_over(Kept::new("c".to_owned(), "c"), WHEN).unwrap();
        let file = keys.render();
        assert!(file.starts_with("Verify-Until: 2030-01-01T00:00:30Z\na\n"), "{}", *file);
        assert!(file.contains("Verify-Until: 2030-01-02T00:00:10Z\nb\n"), "{}", *file);
    }

    #[test]
    fn a_key_is_taken_out_of_what_stands_around_it() {
        let pem = "-----BEGIN K-----\nabc\n-----END K-----";
        for text in [pem.to_owned(), format!("{pem}\n"), format!("Bag\n{pem}\r\nmore\n")] {
            assert_eq!(key_alone(&text), pem);
        }
        assert_eq!(key_alone(" abc\n"), "abc");
    }
}
