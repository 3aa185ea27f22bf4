//! The key under which lines are bound to each other.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::secret::{self, SecretFileError};
use zeroize::Zeroizing;

use crate::AuditError;
use crate::link::Mac;

/// Its usual name in the keys folder.
pub const KEY_FILE: &str = "audit.key";

/// So that no name passes for a line or a head.
const PLACE: &[u8] = b"place";

/// It has no `Debug`.
#[derive(Clone)]
pub(crate) struct Key(hmac::Key);

impl Key {
    /// Reads it.
    pub(crate) fn open(path: &Path) -> Result<Self, AuditError> {
        let text = secret::read(path)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map(Zeroizing::new);
        match bytes {
            Ok(bytes) if bytes.len() == 32 => Ok(Self::of(&bytes)),
            _ => Err(AuditError::KeyMalformed(path.to_owned())),
        }
    }

    /// Reads it, or makes it if there is none.
    pub(crate) fn open_or_make(path: &Path) -> Result<Self, AuditError> {
        match secret::write(path, &format!("{}\n", *new_hs256_secret()), false) {
            // It was there, or another server that started just now was quicker.
            Ok(()) | Err(SecretFileError::Exists(_)) => Self::open(path),
            Err(error) => Err(error.into()),
        }
    }

    /// What binds `text` to what came before.
    pub(crate) fn mac(&self, before: &[u8], text: &[u8]) -> Mac {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(before);
        context.update(text);
        Mac::from_tag(context.sign().as_ref())
    }

    /// Compared in constant time.
    pub(crate) fn verify(&self, before: &[u8], text: &[u8], mac: &Mac) -> bool {
        let whole = [before, text].concat();
        hmac::verify(&self.0, &whole, mac.as_ref()).is_ok()
    }

    /// What the audit that is written there is called where others are kept too: nobody learns the path
    /// from it.
    pub(crate) fn name_of(&self, path: &Path) -> String {
        self.mac(PLACE, path.as_os_str().as_bytes()).to_string()
    }

    fn of(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}
