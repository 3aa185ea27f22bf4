//! RSA key pairs. The private half signs and never leaves its file; servers open the public one.

use std::path::{Path, PathBuf};
use std::{fs, io};

use ::rsa::RsaPrivateKey;
use ::rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use jiff::Timestamp;
use mcp_auth::authn::jwt::{Signer, Signers, VerifyingKey};
use mcp_auth::secret::{self, SecretFileError, Staged};
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::{self, Place};
use crate::lock::{self, Lock};
use crate::rotation::{Kept, Ring, Takeover, USUAL_OVERLAP};
use crate::{Error, Report};

/// File of the half that signs, within the keys folder.
pub const PRIVATE_FILE: &str = "rsa_private.pem";
/// File of the half that verifies, within the keys folder.
pub const PUBLIC_FILE: &str = "rsa_public.pem";
/// The sizes offered, in bits. RFC 7518 §3.3 asks for 2048 at least.
pub const SIZES: [usize; 3] = [2048, 3072, 4096];

/// A key pair. It has no `Debug`.
pub struct RsaPair {
    /// The half that signs, in PEM (PKCS#8).
    pub private_pem: Zeroizing<String>,
    /// The half that verifies, in PEM (SPKI).
    pub public_pem: String,
    /// The pair's name in tokens: its RFC 7638 thumbprint.
    pub kid: String,
}

/// A new pair from the operating system's randomness.
///
/// # Errors
/// `bits` is none of [`SIZES`].
pub fn generate(bits: usize) -> Result<RsaPair, Error> {
    if !SIZES.contains(&bits) {
        return Err(Error::Invalid(format!(
            "an RSA key of {bits} bits is not offered; use --bits 2048, 3072 or 4096"
        )));
    }
    let key = RsaPrivateKey::new(&mut rand::rng(), bits).map_err(rsa_error)?;
    let private_pem = key.to_pkcs8_pem(LineEnding::LF).map_err(rsa_error)?;
    let public_pem = public_half(&key)?;
    let kid = kid(&public_pem).map_err(rsa_error)?;
    Ok(RsaPair { private_pem, public_pem, kid })
}

impl RsaPair {
    /// Writes both halves to the keys folder, the private one readable by its owner alone.
    ///
    /// # Errors
    /// One of the files is there and `force` was not given, or one cannot be written; then
    /// neither is there, or with `force` those that were.
    pub fn write(&self, keys_dir: &Path, force: bool) -> Result<(PathBuf, PathBuf), Error> {
        let (private, public) = (keys_dir.join(PRIVATE_FILE), keys_dir.join(PUBLIC_FILE));
        // Before anything is written: half a pair is worse than none.
        if let Some(there) = [&private, &public].into_iter().find(|path| !force && path.exists()) {
            return Err(SecretFileError::Exists(there.clone()).into());
        }
        let staged = Staged::write(&private, &self.private_pem, force)?;
        if force {
            // As with a key that takes over: whichever half signs, it is verified.
            let mut both = public_ring(keys_dir).unwrap_or_default();
            let end = Timestamp::now() + USUAL_OVERLAP;
            both.add(&Ring::from(Kept::new(self.kid.clone(), &self.public_pem)).ending(end));
            secret::write_public(&public, &both.render(), true)?;
            staged.keep()?;
            secret::write_public(&public, &self.public_pem, true)?;
        } else {
            secret::write_public(&public, &self.public_pem, false)?;
            staged.keep()?;
        }
        Ok((private, public))
    }
}

/// Writes the public halves of the private keys that are there. Returns the public file.
pub(crate) fn restore_public(keys_dir: &Path) -> Result<PathBuf, Error> {
    let public = keys_dir.join(PUBLIC_FILE);
    let halves = private_ring(keys_dir)?.map(public_half_of)?;
    secret::write_public(&public, &halves.render(), false)?;
    Ok(public)
}

pub(crate) fn run(place: &Place, options: &cli::Rsa) -> Result<Report, Error> {
    if options.rotate.rotate || options.rotate.prune {
        return change(place, options);
    }
    let pair = generate(options.bits)?;
    let file = secret::place(&place.keys.join(PRIVATE_FILE))?;
    let _lock = place.keys.exists().then(|| Lock::beside(&file)).transpose()?;
    let (private, public) = pair.write(&place.keys, options.force)?;
    let text = format!(
        "made an RSA key pair of {} bits, kid {}\n  signs     {} (only you can read it)\n  \
         verifies  {} (give this one to servers)\n\
         next:     cargo run -p rbac-server{}\n",
        options.bits,
        pair.kid,
        private.display(),
        public.display(),
        after_dashes(&place.flag()),
    );
    let json = json!({
        "kid": pair.kid, "bits": options.bits,
        "private_key": private.to_string_lossy(), "public_key": public.to_string_lossy(),
    });
    Ok(Report::new(text, json))
}

fn change(place: &Place, options: &cli::Rsa) -> Result<Report, Error> {
    let private = place.keys.join(PRIVATE_FILE);
    if !private.exists() {
        return Err(Error::NoPrivateKey { path: private, flag: place.flag() });
    }
    let public = secret::place(&place.keys.join(PUBLIC_FILE))?;
    let private = secret::place(&private)?;
    // It takes a while, and so comes before the lock and before the moment is judged.
    let next = options.rotate.rotate.then(|| generate(options.bits)).transpose()?;
    let _lock = Lock::beside(&private)?;
    for file in [&private, &public] {
        lock::sweep(file);
    }
    let mut ring = private_ring(&place.keys)?;
    let mut halves = public_ring(&place.keys)?;
    halves.add(&ring.map(public_half_of)?);
    // As it would be already if nobody had been cut short.
    halves.say_like(&ring);
    if ring.is_over(Timestamp::now()) {
        return Err(Error::bad_key(private, &"every key in it is over", &place.keys));
    }
    let removed = ring.prune(Timestamp::now());
    let said = match next {
        Some(pair) => {
            let when = Takeover::planned(&options.rotate)?;
            let prune = format!("rsa --prune{}", place.flag());
            let said = when.said("key pair", &pair.kid, &prune);
            ring.take_over(Kept::new(pair.kid, &pair.private_pem), when)?;
            let mut before = halves.clone();
            before.add(&ring.map(public_half_of)?.ending(when.until));
            // The new key verifies before it can sign, and none before it ends before another
            // signs: whenever this is cut short, every token that is signed is verified. Until
            // its private half is written it has an end, or it would stay for ever if it never is.
            secret::write_public(&public, &before.render(), true)?;
            halves.add(&ring.map(public_half_of)?);
            said
        }
        None => Takeover::removed(&removed),
    };
    secret::write(&private, &ring.render(), true)?;
    halves.say_like(&ring);
    halves.prune(Timestamp::now());
    secret::write_public(&public, &halves.render(), true)?;
    let text = format!("{said}in {} are now\n{}", private.display(), ring.lines());
    let json = json!({
        "keys": ring.json(), "removed": removed,
        "private_key": private.to_string_lossy(), "public_key": public.to_string_lossy(),
    });
    Ok(Report::new(text, json))
}

fn private_ring(keys_dir: &Path) -> Result<Ring, Error> {
    let file = keys_dir.join(PRIVATE_FILE);
    let text = secret::read(&file)?;
    Signers::rs256(&text)
        .and_then(|_| Ring::read(&text, |pem| Ok(Signer::rs256(pem)?.kid().to_owned())))
        .map_err(|error| Error::bad_key(file, &error, keys_dir))
}

/// What is there of public keys, also those whose private half is not.
fn public_ring(keys_dir: &Path) -> Result<Ring, Error> {
    let file = keys_dir.join(PUBLIC_FILE);
    match fs::read_to_string(&file) {
        Ok(text) => Ring::read(&text, kid).map_err(|error| Error::bad_key(file, &error, keys_dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ring::default()),
        Err(source) => Err(SecretFileError::Io { doing: "read", path: file, source }.into()),
    }
}

fn public_half_of(private_pem: &str) -> Result<String, Error> {
    public_half(&RsaPrivateKey::from_pkcs8_pem(private_pem).map_err(rsa_error)?)
}

/// Flags of a program that cargo runs.
pub(crate) fn after_dashes(flags: &str) -> String {
    if flags.is_empty() { String::new() } else { format!(" --{flags}") }
}

fn public_half(key: &RsaPrivateKey) -> Result<String, Error> {
    key.to_public_key().to_public_key_pem(LineEnding::LF).map_err(rsa_error)
}

fn kid(public_pem: &str) -> Result<String, mcp_auth::authn::jwt::KeyError> {
    Ok(VerifyingKey::rs256(public_pem)?.kid().to_owned())
}

fn rsa_error(error: impl std::fmt::Display) -> Error {
    Error::Rsa(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_belong_together_and_the_name_is_theirs() {
        let pair = generate(2048).unwrap();
        assert_eq!(Signer::rs256(&pair.private_pem).unwrap().kid(), pair.kid);
        assert!(pair.private_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert!(pair.public_pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        assert!(generate(1024).is_err());
    }
}
