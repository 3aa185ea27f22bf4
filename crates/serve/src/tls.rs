//! The certificate under which a server is reached, and the key that belongs to it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};

use anyhow::{anyhow, bail};
use axum_server::tls_rustls::RustlsConfig;
use mcp_auth::secret;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::expiry::Expiry;
use crate::read_trusted;

/// How often the two files are looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// A certificate with its key, and the files that they came from.
#[derive(Clone)]
pub(crate) struct Tls {
    files: Files,
    /// Of the files when what is in use was read.
    seen: Stamps,
    pub(crate) config: RustlsConfig,
    expiry: Expiry,
}

/// Follows the files of a [`Tls`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Dropped first, which ends the thread.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// What changes when a file does. `None`: it is not there.
type Stamps = [Option<Stamp>; 2];

#[derive(Clone, Copy, Eq, PartialEq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Also changes with the mode, which may be what was wrong.
    changed: (i64, i64),
}

impl Tls {
    /// Reads a certificate chain and its private key, both in PEM.
    pub(crate) fn open(cert: &Path, key: &Path) -> anyhow::Result<Self> {
        let files = Files { cert: cert.to_owned(), key: key.to_owned() };
        // Before the files are read, so that what changes meanwhile is seen as a change.
        let seen = files.stamps();
        let (config, chain) = files.read()?;
        let config = RustlsConfig::from_config(Arc::new(config));
        Ok(Self { files, seen, config, expiry: Expiry::of(&chain) })
    }

    /// Uses the files' new content whenever they change. A pair that cannot be used is told
    /// and tried again, and the last good one stays.
    pub(crate) fn follow(mut self) -> io::Result<Watch> {
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("tls-files".to_owned()).spawn(move || {
            let mut last = self.seen;
            let mut told = None;
            while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                let now = self.files.stamps();
                // Certificate and key are replaced one after the other: both have to be at rest.
                if now == self.seen {
                    told = None;
                } else if now == last {
                    match self.replace() {
                        Ok(()) => (self.seen, told) = (now, None),
                        // Tried again, for it may pass, and told once for as long as it is so.
                        Err(error) => {
                            let failure = Some((now, format!("{error:#}")));
                            if failure != told {
                                tell(&error);
                                told = failure;
                            }
                        }
                    }
                }
                last = now;
            }
        })?;
        Ok(Watch { alive: Some(alive), thread: Some(thread) })
    }

    fn replace(&self) -> anyhow::Result<()> {
        let (config, chain) = self.files.read()?;
        self.config.reload_from_config(Arc::new(config));
        self.expiry.replace(&chain);
        tracing::info!(file = %self.files.cert.display(), "the certificate was replaced");
        Ok(())
    }
}

fn tell(error: &anyhow::Error) {
    tracing::error!(
        error = format!("{error:#}"),
        "the certificate was not replaced, and the one before stays in use"
    );
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

    fn stamps(&self) -> Stamps {
        [&self.cert, &self.key].map(|file| Stamp::of(file).ok())
    }
}

impl Stamp {
    fn of(file: &Path) -> io::Result<Self> {
        let found = fs::metadata(file)?;
        Ok(Self {
            inode: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.files.cert).finish_non_exhaustive()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was logged; there is nothing left to do for it.
            let _ = thread.join();
        }
    }
}
