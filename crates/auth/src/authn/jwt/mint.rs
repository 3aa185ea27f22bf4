//! How a token is made. Only this file signs, and a server that verifies with a public key
//! never has what it takes to call it.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::Claims;
use super::keys::{KeyError, hs256_secret, rsa_kid};

/// A key that signs tokens. It has no `Debug`.
pub struct Signer {
    header: Header,
    key: SigningKey,
}

enum SigningKey {
    /// Parsed once: jsonwebtoken would parse the private key again for each token.
    Rsa(Box<KeyPair>),
    Secret(EncodingKey),
}

impl Signer {
    /// Signs with HMAC-SHA-256 under a secret of at least 32 bytes in base64url.
    ///
    /// # Errors
    /// The text is not base64url, or shorter than 32 bytes (RFC 7518 §3.2).
    pub fn hs256(secret: &str) -> Result<Self, KeyError> {
        let (kid, bytes) = hs256_secret(secret)?;
        let key = SigningKey::Secret(EncodingKey::from_secret(&bytes));
        Ok(Self { header: header(Algorithm::HS256, kid), key })
    }

    /// Signs with RSASSA-PKCS1-v1_5 under a private key in PEM (PKCS#8).
    ///
    /// Its `kid` is the RFC 7638 thumbprint of the public half.
    ///
    /// # Errors
    /// The text is no such key, or the key has fewer than 2048 bits (RFC 7518 §3.3).
    pub fn rs256(pem: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| KeyError::NoPrivateKey)?;
        let pair =
            KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| KeyError::NoPrivateKey)?;
        let public = pair.public_key().as_der().map_err(|_| KeyError::NoPrivateKey)?;
        let kid = rsa_kid(public.as_ref())?;
        Ok(Self { header: header(Algorithm::RS256, kid), key: SigningKey::Rsa(Box::new(pair)) })
    }

    /// The name of the key, as tokens carry it.
    pub fn kid(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// A token with these claims, of `typ` `at+jwt` (RFC 9068 §2.1).
    pub fn mint(&self, claims: &Claims) -> String {
        self.sign(&self.header, claims)
    }

    fn sign(&self, header: &Header, claims: &impl serde::Serialize) -> String {
        let part = |json: Result<Vec<u8>, _>| {
            URL_SAFE_NO_PAD.encode(json.expect("headers and claims have plain JSON forms"))
        };
        let message =
            format!("{}.{}", part(serde_json::to_vec(header)), part(serde_json::to_vec(claims)));
        let signature = match &self.key {
            SigningKey::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("a key that was checked when it was read can sign");
                URL_SAFE_NO_PAD.encode(signature)
            }
            SigningKey::Secret(key) => {
                jsonwebtoken::crypto::sign(message.as_bytes(), key, Algorithm::HS256)
                    .expect("HMAC takes a secret of any length")
            }
        };
        format!("{message}.{signature}")
    }
}

/// A new secret for HS256: 32 random bytes in base64url.
pub fn new_hs256_secret() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    rand::Rng::fill_bytes(&mut rand::rng(), bytes.as_mut());
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}

fn header(algorithm: Algorithm, kid: String) -> Header {
    let mut header = Header::new(algorithm);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(kid);
    header
}
