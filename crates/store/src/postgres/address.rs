//! Which server, as whom, and over what.

use std::env;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::StoreError;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A `postgres://` address. The password is not part of its name.
pub(crate) struct Address {
    name: PathBuf,
    pub(super) config: Config,
    /// `None` on this machine.
    pub(super) tls: Option<ClientConfig>,
}

impl Address {
    /// The password comes from `PGPASSWORD`. To another machine the connection is TLS, and the
    /// server's certificate has to be one that this machine trusts.
    ///
    /// # Errors
    /// It is no address, or it has a password in it, which everybody on the machine could see.
    pub(super) fn parse(name: &Path) -> Result<Self, StoreError> {
        let unfit = |why: String| StoreError::Address { why };
        let text = name.to_str().ok_or_else(|| unfit("it is not UTF-8".to_owned()))?;
        // What it says of an address repeats parts of it, which may be a password.
        let mut config: Config = text
            .parse()
            .map_err(|_| unfit("it has to be postgres://USER@HOST:PORT/DATABASE".to_owned()))?;
        if config.get_password().is_some() {
            return Err(unfit(
                "a password on a command line can be seen by others; leave it out of the address and \
                 set PGPASSWORD"
                    .to_owned(),
            ));
        }
        if config.get_hosts().len() != 1 || config.get_hostaddrs().len() > 1 {
            return Err(unfit("it has to name one host".to_owned()));
        }
        if let Some(password) = env::var_os("PGPASSWORD") {
            config.password(password.as_bytes());
        }
        let plain = is_local(&config) && config.get_ssl_mode() != SslMode::Require;
        config.ssl_mode(if plain { SslMode::Disable } else { SslMode::Require });
        config.connect_timeout(CONNECT_WITHIN).application_name("mcp-auth");
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let tls = if plain { None } else { Some(tls()) }.transpose();
        let tls = tls.map_err(|error| unfit(format!("TLS cannot be used: {error}")))?;
        Ok(Self { name: name.to_owned(), config, tls })
    }

    pub(super) fn name(&self) -> &Path {
        &self.name
    }
}

/// Whether what is said stays on this machine.
fn is_local(config: &Config) -> bool {
    let local = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_platform_verifier()?.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(address: &str) -> SslMode {
        let address = Address::parse(Path::new(address)).unwrap();
        let mode = address.config.get_ssl_mode();
        assert_eq!(address.tls.is_some(), mode == SslMode::Require);
        mode
    }

    #[test]
    fn only_what_stays_on_this_machine_goes_without_tls() {
        for local in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert_eq!(mode(&format!("postgres://mcp@{local}/mcp")), SslMode::Disable, "{local}");
        }
        for far in ["db.example", "192.0.2.1"] {
            let address = format!("postgres://mcp@{far}/mcp?sslmode=disable");
            assert_eq!(mode(&address), SslMode::Require, "{far}");
        }
        let hidden = "postgres://mcp@localhost/mcp?hostaddr=192.0.2.1";
        assert_eq!(mode(hidden), SslMode::Require);
        assert_eq!(mode("postgres://mcp@localhost/mcp?sslmode=require"), SslMode::Require);
    }

    #[test]
    fn one_host_is_named_and_nothing_else_that_looks_like_an_address_is_taken() {
        for bad in [
            "postgres://mcp@localhost,db.example/mcp",
            "postgres:///mcp",
            "POSTGRES://mcp@localhost/mcp",
            " postgres://mcp@localhost/mcp",
            "mysql://mcp@localhost/mcp",
        ] {
            assert!(crate::database::is_address(Path::new(bad)), "{bad}");
            let error = Address::parse(Path::new(bad)).err().unwrap().to_string();
            assert!(error.contains("--store") && error.contains("it has to"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_password_in_it_is_refused_and_not_repeated() {
        for address in ["postgres://mcp:geheim@localhost/mcp", "postgres://mcp:geheim@localhost:x/"]
        {
            let error = Address::parse(Path::new(address)).err().unwrap().to_string();
            assert!(!error.contains("geheim") && error.contains("--store"), "{error}");
        }
    }
}
