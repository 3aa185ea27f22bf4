//! The client that asks an issuer, and whom it believes to be the issuer.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use serve::read_trusted;

use super::source::is_loopback;

/// For the whole answer, however slowly it comes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A client for this URL, whose certificate has to be of a CA in this file and of no other, or,
/// without one, of a CA that this machine trusts.
pub(super) fn trusting(url: &Url, ca: Option<&Path>) -> anyhow::Result<Client> {
    let mut http = Client::builder()
        .user_agent(concat!("mcp-auth/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        // The keys are where the operator said, and nowhere that an answer says.
        .redirect(Policy::none());
    if is_loopback(url) {
        http = http.no_proxy();
    }
    if let Some(file) = ca {
        return http.tls_certs_only(certificates(file)?).build().map_err(|_| no_ca(file));
    }
    if url.scheme() == "http" {
        http = http.tls_certs_only([]);
    }
    http.build().context(
        "the certificates of this machine cannot be loaded; install them, name your issuer's CA \
         with --jwks-ca, or give --jwks a file",
    )
}

fn certificates(file: &Path) -> anyhow::Result<Vec<Certificate>> {
    let text = read_trusted(file, "CA", "--jwks-ca")?;
    match Certificate::from_pem_bundle(text.as_bytes()) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => bail!(no_ca(file)),
    }
}

fn no_ca(file: &Path) -> anyhow::Error {
    let shown = file.display();
    anyhow!("{shown} holds no certificate in PEM; name the file of your issuer's CA with --jwks-ca")
}
