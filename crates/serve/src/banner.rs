//! What a server says about itself when it starts.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use mcp_auth::shell;

use crate::{Options, PublicUrl};

/// What a server prints at start-up. It names where secrets lie, and holds none.
#[derive(Clone, Debug)]
pub struct Banner {
    /// The server's name.
    pub server: &'static str,
    /// Under which URL it is reached.
    pub url: PublicUrl,
    /// How a caller proves who it is.
    pub scheme: String,
    /// What needs a credential.
    pub protected: String,
    /// What does not.
    pub public: String,
    /// Where the client finds its credential, or how one is made: a line each.
    pub credential: Vec<String>,
    /// The command that calls this server.
    pub client: String,
}

impl Banner {
    /// The command for this server's client, with the flags it needs to find the server.
    ///
    /// `credential` is the flag for a credential that the client does not find by itself.
    pub fn client_command(
        client: &str,
        port: u16,
        options: &Options,
        url: &PublicUrl,
        credential: Option<&str>,
    ) -> String {
        let mut flags = String::new();
        if url.origin() != format!("http://127.0.0.1:{port}") {
            flags = format!(" --url {}", url.mcp());
        }
        flags.push_str(&options.keys_flag());
        // Made by keygen; a certificate from elsewhere needs no such flag.
        let ca = options.keys.join("tls_ca.pem");
        if options.transport.is_tls() && ca.is_file() {
            flags.push_str(&format!(" --ca {}", shell::word(&ca.to_string_lossy())));
        }
        if let Some(flag) = credential {
            flags.push(' ');
            flags.push_str(flag);
        }
        if flags.is_empty() {
            format!("cargo run -p {client}")
        } else {
            format!("cargo run -p {client} --{flags}")
        }
    }

    /// A line for each file; without any, how a credential is made.
    pub fn files_or(files: &[PathBuf], create: String) -> Vec<String> {
        if files.is_empty() {
            return vec![format!("make one: {create}")];
        }
        files.iter().map(|file| file.display().to_string()).collect()
    }
}

/// A banner, the address that the server has bound, and how it was told to serve there.
pub(crate) struct StartUp<'a> {
    pub(crate) banner: Banner,
    pub(crate) bound: SocketAddr,
    /// The address of the listener for metrics, if there is one.
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) options: &'a Options,
}

impl fmt::Display for StartUp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { banner, bound, metrics, options } = self;
        writeln!(f, "{} is running at {}", banner.server, banner.url.mcp())?;
        if options.transport.url_of(*bound) != banner.url {
            writeln!(f, "  listens on  {bound}")?;
        }
        writeln!(f, "  scheme      {}", banner.scheme)?;
        writeln!(f, "  protected   {}", banner.protected)?;
        writeln!(f, "  public      {}", banner.public)?;
        for (index, line) in banner.credential.iter().enumerate() {
            writeln!(f, "  {:<10}  {line}", if index == 0 { "credential" } else { "" })?;
        }
        if let Some(file) = &options.audit.audit_file {
            writeln!(f, "  audit       {}", file.display())?;
        }
        writeln!(f, "  try it      {}", banner.client)?;
        if let Some(metrics) = metrics {
            writeln!(f, "  metrics     http://{metrics}/metrics")?;
            if !metrics.ip().is_loopback() {
                writeln!(f, "  warning     other machines can read the metrics, and need no key")?;
            }
        }
        if !banner.url.is_loopback() && !banner.url.is_https() {
            writeln!(
                f,
                "  warning     credentials travel unencrypted; put TLS in front, and give"
            )?;
            writeln!(f, "              its https:// address as --public-url")?;
        } else if options.transport.insecure_http && !bound.ip().is_loopback() {
            writeln!(f, "  warning     other machines can reach {bound} without TLS")?;
        }
        writeln!(f, "  end it      Ctrl-C")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_that_others_can_read_are_warned_of() {
        let shown = |metrics: &str| {
            let banner = Banner {
                server: "test-server",
                url: "http://127.0.0.1:8101".parse().unwrap(),
                scheme: String::new(),
                protected: String::new(),
                public: String::new(),
                credential: Vec::new(),
                client: String::new(),
            };
            let bound = "127.0.0.1:8101".parse().unwrap();
            let metrics = Some(metrics.parse().unwrap());
            StartUp { banner, bound, metrics, options: &Options::new("keys") }.to_string()
        };
        let own = shown("127.0.0.1:9464");
        assert!(own.contains("  metrics     http://127.0.0.1:9464/metrics\n"), "{own}");
        assert!(!own.contains("warning"), "{own}");
        let others = shown("0.0.0.0:9464");
        assert!(others.contains("  warning     other machines can read the metrics"), "{others}");
    }

    #[test]
    fn the_command_has_the_flags_that_it_needs_and_no_others() {
        let command = |keys: &str, url: &str, credential| {
            let url = url.parse().unwrap();
            Banner::client_command("apikey-client", 8101, &Options::new(keys), &url, credential)
        };
        assert_eq!(command("keys", "http://127.0.0.1:8101", None), "cargo run -p apikey-client");
        assert_eq!(
            command("my keys", "https://mcp.example", Some("--key-file FILE")),
            "cargo run -p apikey-client -- --url https://mcp.example/mcp --keys 'my keys' \
             --key-file FILE"
        );
    }
}
