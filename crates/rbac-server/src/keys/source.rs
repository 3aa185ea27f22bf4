//! Where a key set is.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use reqwest::Url;

/// Where a JWK Set is: in a file, or at an issuer.
#[derive(Clone, Debug)]
pub enum JwksSource {
    /// A file, which only its owner can change.
    File(PathBuf),
    /// An https URL, or http on this machine.
    Url(Url),
}

/// What has `://` in it is a URL.
pub(crate) fn parse(text: &str) -> anyhow::Result<JwksSource> {
    if !text.contains("://") {
        return Ok(JwksSource::File(PathBuf::from(text)));
    }
    let url = Url::parse(text)
        .context("it is no URL; give one such as https://issuer.example/jwks.json")?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        bail!("give a URL without a user name, a password and a fragment");
    }
    match url.scheme() {
        "https" => Ok(JwksSource::Url(url)),
        "http" if is_loopback(&url) => Ok(JwksSource::Url(url)),
        _ => bail!(
            "whoever is on the way could put other keys in; give an https URL, or http on this \
             machine"
        ),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_this_machine_or_over_tls() {
        for text in [
            "https://issuer.example/jwks.json",
            "https://10.0.0.1/k?tenant=a",
            "http://127.0.0.1:8103/jwks.json",
            "http://[::1]:8103/jwks.json",
            "http://localhost/jwks.json",
        ] {
            assert!(matches!(parse(text), Ok(JwksSource::Url(_))), "{text}");
        }
        for text in [
            "http://issuer.example/jwks.json",
            "http://127.0.0.1.example/",
            "http://169.254.169.254/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "https://bob:pw@issuer.example/",
            "https://issuer.example/#a",
            "https://",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(matches!(parse("keys/jwks.json"), Ok(JwksSource::File(_))));
    }
}
