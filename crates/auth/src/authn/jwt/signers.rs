//! What signs, now and later.

use jiff::Timestamp;

use super::key_file::{self, KeyFileError};
use super::{KeyError, Signer};
use crate::Live;

/// Keys of which each takes over from the one before at its moment. It has no `Debug`.
pub struct Signers(Vec<Turn>);

/// When a key signs: what it signs later would not be verified.
struct Turn {
    from: Timestamp,
    until: Option<Timestamp>,
    signer: Signer,
}

const NO_MOMENT: &str = "every key but the first needs a Sign-From before it, and a secret stands \
    on one line";

impl Signers {
    /// The secrets of a file in the format of [`key_file`], for HS256.
    ///
    /// # Errors
    /// The file is not in that format, one of its secrets cannot sign, or one that is not the first
    /// does not say from when on.
    pub fn hs256(text: &str) -> Result<Self, KeyFileError> {
        Self::read(text, Signer::hs256)
    }

    /// The private keys of a file in the format of [`key_file`], for RS256.
    ///
    /// # Errors
    /// As for [`Signers::hs256`].
    pub fn rs256(text: &str) -> Result<Self, KeyFileError> {
        Self::read(text, Signer::rs256)
    }

    fn read(
        text: &str,
        signer: impl Fn(&str) -> Result<Signer, KeyError>,
    ) -> Result<Self, KeyFileError> {
        let turns = key_file::entries(text)?.into_iter().enumerate().map(|(index, entry)| {
            // A secret that was wrapped would be two others.
            if let (1.., None, Some(line)) = (index, entry.sign_from, entry.line) {
                return Err(KeyFileError::Line { line, what: NO_MOMENT });
            }
            let signer = signer(entry.text).map_err(|error| entry.refused(error))?;
            let from = entry.sign_from.unwrap_or(Timestamp::MIN);
            Ok(Turn { from, until: entry.verify_until, signer })
        });
        let mut turns: Vec<_> = turns.collect::<Result<_, _>>()?;
        // Of two with the same moment the one that stands below signs.
        turns.sort_by_key(|turn| turn.from);
        Ok(Self(turns))
    }

    /// The key that signs at this moment: of those that verify still, the last whose moment has
    /// come. `None`: there is none.
    pub fn at(&self, now: Timestamp) -> Option<&Signer> {
        let signs = |turn: &&Turn| turn.from <= now && turn.until.is_none_or(|until| until > now);
        self.0.iter().rev().find(signs).map(|turn| &turn.signer)
    }
}

/// One key that signs from the start.
impl From<Signer> for Signers {
    fn from(signer: Signer) -> Self {
        Self(vec![Turn { from: Timestamp::MIN, until: None, signer }])
    }
}

impl From<Signer> for Live<Signers> {
    fn from(signer: Signer) -> Self {
        Signers::from(signer).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::mint::new_hs256_secret;
    use super::*;

    #[test]
    fn each_signs_from_its_moment_on() {
        let secrets = [(); 3].map(|()| new_hs256_secret());
        let kids = secrets.each_ref().map(|secret| Signer::hs256(secret).unwrap().kid().to_owned());
        let [first, second, third] = secrets.each_ref().map(|secret| secret.as_str());
        let file = format!(
            "{first}\nSign-From: 2030-01-02T00:00:00Z\n{third}\n\
             Sign-From: 2030-01-01T00:00:00Z\n{second}\n"
        );
        let signers = Signers::hs256(&file).unwrap();
        for (moment, kid) in [
            ("2029-12-31T23:59:59Z", &kids[0]),
            ("2030-01-01T00:00:00Z", &kids[1]),
            ("2030-01-01T23:59:59Z", &kids[1]),
            ("2030-01-02T00:00:00Z", &kids[2]),
        ] {
            assert_eq!(signers.at(moment.parse().unwrap()).unwrap().kid(), kid, "{moment}");
        }
        let only = Signers::hs256(file.split_once('\n').unwrap().1).unwrap();
        assert!(only.at("2029-12-31T23:59:59Z".parse().unwrap()).is_none());
    }

    #[test]
    fn nothing_is_signed_that_would_not_be_verified() {
        let [first, second] = [(); 2].map(|()| new_hs256_secret());
        let kid = |secret: &str| Signer::hs256(secret).unwrap().kid().to_owned();
        let file = format!(
            "Verify-Until: 2030-01-03T00:00:00Z\n{}\nSign-From: 2030-01-01T00:00:00Z\n\
             Verify-Until: 2030-01-02T00:00:00Z\n{}\n",
            *first, *second
        );
        let signers = Signers::hs256(&file).unwrap();
        let at = |moment: &str| {
            let signer = signers.at(moment.parse().unwrap());
            signer.map(|signer| signer.kid().to_owned())
        };
        assert_eq!(at("2030-01-01T00:00:00Z"), Some(kid(&second)));
        assert_eq!(at("2030-01-02T00:00:00Z"), Some(kid(&first)));
        assert_eq!(at("2030-01-03T00:00:00Z"), None);
    }

    #[test]
    fn a_secret_that_was_wrapped_is_not_two() {
        let long = "A".repeat(88);
        let (first, second) = long.split_at(44);
        let error = Signers::hs256(&format!("{first}\n{second}\n")).err().unwrap().to_string();
        assert!(error.starts_with("line 2: ") && error.contains("Sign-From"), "{error}");
    }

    #[test]
    fn a_key_that_cannot_sign_is_named_by_its_line() {
        let file = format!("{}\nSign-From: 2030-01-01T00:00:00Z\nshort\n", *new_hs256_secret());
        let error = Signers::hs256(&file).err().unwrap().to_string();
        assert!(error.starts_with("line 3: "), "{error}");
        assert!(Signers::hs256("").is_err());
    }
}
