//! One cryptographic backend, named.

/// Makes aws-lc the provider of signatures and of TLS in this process.
///
/// Naming them here turns a missing feature into a compile error; left to themselves, both
/// libraries would panic at the first signature or connection. It may be called again.
pub fn install_crypto() {
    // The error of both says that a provider is there already.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
