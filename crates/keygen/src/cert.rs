//! Certificates for trying TLS out: a CA of one's own, and one certificate that it signed.
//!
//! The CA signs once. Its key is forgotten unless it was asked for, so that whoever trusts
//! the CA trusts this one certificate and no other.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use mcp_auth::secret::{self, SecretFileError};
use mcp_auth::shell;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::{self, Place};
use crate::{Error, Report};

/// File of the CA's certificate, within the keys folder.
pub const CA_FILE: &str = "tls_ca.pem";
/// File of the server's certificate, within the keys folder.
pub const CERT_FILE: &str = "tls_cert.pem";
/// File of the server's private key, within the keys folder.
pub const KEY_FILE: &str = "tls_key.pem";
/// File of the CA's private key, within the keys folder, where it is kept at all.
pub const CA_KEY_FILE: &str = "tls_ca_key.pem";

/// The names of this machine, for which every certificate is.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Clocks differ.
const LEEWAY: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A CA and the certificate that it signed, all in PEM. It has no `Debug`.
pub struct Certificates {
    /// What clients trust.
    pub ca_pem: String,
    /// The CA's private key.
    pub ca_key_pem: Zeroizing<String>,
    /// What the server shows: its certificate, and the CA's behind it.
    pub cert_pem: String,
    /// The private key of the server's certificate.
    pub key_pem: Zeroizing<String>,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// When both certificates end.
    pub end: Timestamp,
}

/// New certificates for `localhost`, its two addresses and `names`.
///
/// # Errors
/// One of the names is neither a DNS name nor an address.
pub fn generate(names: &[String], days: u32) -> Result<Certificates, Error> {
    let mut all: Vec<String> = LOOPBACK.map(str::to_owned).into();
    for name in names {
        let name = name.to_ascii_lowercase();
        if !is_host(&name) {
            return Err(Error::Invalid(format!(
                "{name:?} is neither a DNS name nor an IP address; give one such as --name \
                 mcp.example"
            )));
        }
        if !all.contains(&name) {
            all.push(name);
        }
    }
    let now = SystemTime::now();
    let end = now + DAY * days;
    let params = |names: Vec<String>, subject: &str| -> Result<CertificateParams, Error> {
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject);
        params.not_before = (now - LEEWAY).into();
        params.not_after = end.into();
        Ok(params)
    };

    let mut ca = params(Vec::new(), "mcp-auth development CA")?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_key = KeyPair::generate().map_err(failed)?;
    let ca_pem = ca.self_signed(&ca_key).map_err(failed)?.pem();
    let ca_key_pem = Zeroizing::new(ca_key.serialize_pem());

    let mut server = params(all.clone(), "mcp-auth development server")?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(failed)?;
    let cert = server.signed_by(&key, &Issuer::new(ca, ca_key)).map_err(failed)?.pem();
    Ok(Certificates {
        cert_pem: format!("{cert}{ca_pem}"),
        ca_pem,
        ca_key_pem,
        key_pem: Zeroizing::new(key.serialize_pem()),
        names: all,
        end: Timestamp::try_from(end).map_err(failed)?,
    })
}

pub(crate) fn run(place: &Place, options: &cli::Cert) -> Result<Report, Error> {
    let made = generate(&options.names, options.days)?;
    let in_keys = |name| place.keys.join(name);
    let (ca, cert, key) = (in_keys(CA_FILE), in_keys(CERT_FILE), in_keys(KEY_FILE));
    let ca_key = options.keep_ca_key.then(|| in_keys(CA_KEY_FILE));
    made.write([&ca, &cert, &key], ca_key.as_ref(), options.force)?;

    let [ca_word, cert_word, key_word] =
        [&ca, &cert, &key].map(|path| shell::word(&path.to_string_lossy()));
    let flags = place.flag();
    let kept = match &ca_key {
        Some(file) => format!("{} (only you can read it: it can sign others)", file.display()),
        None => "not kept: the CA signs nothing else".to_owned(),
    };
    let text = format!(
        "made a certificate for {}, until {}\n  CA           {} (clients trust it: --ca)\n  \
         certificate  {} (the server shows it: --tls-cert)\n  private key  {} (only you can read \
         it: --tls-key)\n  CA's key     {kept}\n\
         next:     cargo run -p apikey-server --{flags} --tls-cert {cert_word} --tls-key \
         {key_word}\n\
         then:     cargo run -p apikey-client --{flags} --url https://127.0.0.1:8101/mcp --ca \
         {ca_word}\n",
        made.names.join(", "),
        made.end.strftime("%Y-%m-%d"),
        ca.display(),
        cert.display(),
        key.display(),
    );
    let json = json!({
        "names": made.names, "expires": made.end.to_string(),
        "ca": ca.to_string_lossy(), "certificate": cert.to_string_lossy(),
        "private_key": key.to_string_lossy(),
        "ca_private_key": ca_key.as_ref().map(|path| path.to_string_lossy()),
    });
    Ok(Report::new(text, json))
}

impl Certificates {
    fn write(
        &self,
        [ca, cert, key]: [&PathBuf; 3],
        ca_key: Option<&PathBuf>,
        force: bool,
    ) -> Result<(), Error> {
        let mut files = vec![
            (key, self.key_pem.as_str(), Mode::Private),
            (cert, &self.cert_pem, Mode::Public),
            (ca, &self.ca_pem, Mode::Public),
        ];
        files.extend(ca_key.map(|file| (file, self.ca_key_pem.as_str(), Mode::Private)));
        // Before anything is written: a part of it is of no use.
        if let Some((there, ..)) = files.iter().find(|(path, ..)| !force && path.exists()) {
            return Err(SecretFileError::Exists(there.to_path_buf()).into());
        }
        for (index, (path, pem, mode)) in files.iter().enumerate() {
            let written = match mode {
                Mode::Private => secret::write(path, pem, force),
                Mode::Public => secret::write_public(path, pem, force),
            };
            if let Err(error) = written {
                for (path, ..) in &files[..index] {
                    // The error at hand says what went wrong.
                    let _ = fs::remove_file(path);
                }
                return Err(error.into());
            }
        }
        Ok(())
    }
}

/// Who may read a file.
enum Mode {
    Private,
    Public,
}

/// An address, or labels of letters, digits and hyphens; the first may be a `*`.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let labels = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && labels.split('.').all(label))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Certificate(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for name in ["mcp.example", "localhost", "*.mcp.example", "192.0.2.1", "2001:db8::1"] {
            assert!(is_host(name), "{name}");
        }
        for name in ["", "a b", "https://mcp.example", "mcp.example:443", "-a", "a..b", "*", "a_b"]
        {
            assert!(!is_host(name), "{name}");
        }
    }

    #[test]
    fn this_machine_comes_first_and_nothing_twice() {
        let names = ["mcp.example".to_owned(), "Localhost".to_owned()];
        let made = generate(&names, 1).unwrap();
        assert_eq!(made.names, ["localhost", "127.0.0.1", "::1", "mcp.example"]);
        assert!(made.cert_pem.ends_with(&made.ca_pem) && made.cert_pem != made.ca_pem);
        assert!(generate(&["a b".to_owned()], 1).is_err());
    }
}
