//! What signs, now and later.

use jiff::Timestamp;

use super::key_file::{self, KeyFileError};
use super::{KeyError, Signer};
use crate::Live;

/// Keys of which each takes over from the one before at its moment. It has no `Debug`.
pub struct Signers(Vec<(Timestamp, Signer)>);

impl Signers {
    /// The secrets of a file in the format of [`key_file`], for HS256.
    ///
    /// # Errors
    /// The file is not in that format, or one of its secrets cannot sign.
    pub fn hs256(text: &str) -> Result<Self, KeyFileError> {
        Self::read(text, Signer::hs256)
    }

    /// The private keys of a file in the format of [`key_file`], for RS256.
    ///
    /// # Errors
    /// The file is not in that format, or one of its keys cannot sign.
    pub fn rs256(text: &str) -> Result<Self, KeyFileError> {
        Self::read(text, Signer::rs256)
    }

    fn read(
        text: &str,
        signer: impl Fn(&str) -> Result<Signer, KeyError>,
    ) -> Result<Self, KeyFileError> {
        let signers = key_file::entries(text)?.into_iter().map(|entry| {
            let signer = signer(entry.text).map_err(|error| entry.refused(error))?;
            Ok((entry.sign_from.unwrap_or(Timestamp::MIN), signer))
        });
        let mut signers: Vec<_> = signers.collect::<Result<_, _>>()?;
        // Of two with the same moment the one that stands below signs.
        signers.sort_by_key(|(from, _)| *from);
        Ok(Self(signers))
    }

    /// The key that signs at this moment: the last whose own has come. `None`: none's has.
    pub fn at(&self, now: Timestamp) -> Option<&Signer> {
        let begun = self.0.iter().rev().find(|(from, _)| *from <= now);
        begun.map(|(_, signer)| signer)
    }
}

/// One key that signs from the start.
impl From<Signer> for Signers {
    fn from(signer: Signer) -> Self {
        Self(vec![(Timestamp::MIN, signer)])
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
    fn a_key_that_cannot_sign_is_named_by_its_line() {
        let file = format!("{}\n\nshort\n", *new_hs256_secret());
        let error = Signers::hs256(&file).err().unwrap().to_string();
        assert!(error.starts_with("line 3: "), "{error}");
        assert!(Signers::hs256("").is_err());
    }
}
