//! The certificate under which a server is reached, and the key that belongs to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use axum_server::tls_rustls::RustlsConfig;
use mcp_auth::secret;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::expiry::Expiry;
use crate::follow::{Follow, Seen};
use crate::read_trusted;

/// A certificate with its key, and the files that they came from.
#[derive(Clone)]
pub(crate) struct Tls {
    files: Files,
    /// When what is in use was read.
    seen: Seen,
    pub(crate) config: RustlsConfig,
    expiry: Expiry,
}

#[derive(Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Reads a certificate chain and its private key, both in PEM.
    pub(crate) fn open(cert: &Path, key: &Path) -> anyhow::Result<Self> {
        let files = Files { cert: cert.to_owned(), key: key.to_owned() };
        let seen = Seen::now([&files.cert, &files.key]);
        let (config, chain) = files.read()?;
        let config = RustlsConfig::from_config(Arc::new(config));
        Ok(Self { files, seen, config, expiry: Expiry::of(&chain) })
    }

    /// Uses the files' new content whenever they change. Of a pair that cannot be used the last
    /// good one stays.
    pub(crate) fn follow(&self) -> Follow {
        let Self { files, config, expiry, seen } = self.clone();
        seen.follow("certificate", move || {
            let (next, chain) = files.read()?;
            config.reload_from_config(Arc::new(next));
            expiry.replace(&chain);
            Ok(())
        })
    }
}

impl Files {
    fn read(&self) -> anyhow::Result<(ServerConfig, Vec<CertificateDer<'static>>)> {
        let (cert, key) = (self.cert.display(), self.key.display());
        let text = read_trusted(&self.cert, "certificate", "--tls-cert")?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| anyhow!("{cert} is not a certificate in PEM: {error}"))?;
        if chain.is_empty() {
            bail!("{cert} holds no certificate in PEM; give the file of --tls-cert");
        }
        let text = secret::read(&self.key)?;
        let private = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| {
            // The error of the library is left out: it may repeat what is in the file.
            anyhow!("{key} holds no private key in PEM; give the file of --tls-key")
        })?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&TLS13, &TLS12])?
                .with_no_client_auth()
                .with_single_cert(chain.clone(), private)
                .map_err(|error| match error {
                    Error::InconsistentKeys(_) => {
                        anyhow!("{key} is not the private key of the certificate {cert}")
                    }
                    error => anyhow!("{cert} with {key} cannot be used: {error}"),
                })?;
        // A client that speaks nothing else is told at once.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok((config, chain))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.files.cert).finish_non_exhaustive()
    }
}
