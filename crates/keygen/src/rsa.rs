//! RSA key pairs. The private half signs and never leaves its file; servers open the public one.

use std::fs;
use std::path::{Path, PathBuf};

use ::rsa::RsaPrivateKey;
use ::rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use mcp_auth::authn::jwt::VerifyingKey;
use mcp_auth::secret::{self, SecretFileError};
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::{self, Place};
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
    /// neither is there.
    pub fn write(&self, keys_dir: &Path, force: bool) -> Result<(PathBuf, PathBuf), Error> {
        let (private, public) = (keys_dir.join(PRIVATE_FILE), keys_dir.join(PUBLIC_FILE));
        // Before anything is written: half a pair is worse than none.
        if let Some(there) = [&private, &public].into_iter().find(|path| !force && path.exists()) {
            return Err(SecretFileError::Exists(there.clone()).into());
        }
        secret::write(&private, &self.private_pem, force)?;
        if let Err(error) = secret::write_public(&public, &self.public_pem, force) {
            // The error at hand says what went wrong; the private half alone is of no use.
            let _ = fs::remove_file(&private);
            return Err(error.into());
        }
        Ok((private, public))
    }
}

/// Writes the public half of the private key that is there. Returns the public file.
pub(crate) fn restore_public(keys_dir: &Path) -> Result<PathBuf, Error> {
    let private = keys_dir.join(PRIVATE_FILE);
    let pem = secret::read(&private)?;
    let key = RsaPrivateKey::from_pkcs8_pem(&pem).map_err(|error| {
        let reason = format!("it is not an RSA private key in PKCS#8 PEM ({error})");
        Error::bad_key(private, &reason, keys_dir)
    })?;
    let public = keys_dir.join(PUBLIC_FILE);
    secret::write_public(&public, &public_half(&key)?, false)?;
    Ok(public)
}

pub(crate) fn run(place: &Place, options: &cli::Rsa) -> Result<Report, Error> {
    let pair = generate(options.bits)?;
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
    use mcp_auth::authn::jwt::Signer;

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
