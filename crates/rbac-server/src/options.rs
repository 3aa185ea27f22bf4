//! The flags of this server.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use mcp_auth::authn::jwt::{Rules, remembered};

use crate::keys::{self, JwksSource};

/// Whose tokens are accepted when no issuer was given. For trying out only.
pub const DEFAULT_ISSUER: &str = "https://dev-issuer.com";

/// For whom tokens have to be when no audience was given. For trying out only.
pub const DEFAULT_AUDIENCE: &str = "my-mcp-server";

/// An MCP server that knows its callers by tokens of an issuer elsewhere, and gives them tools by
/// their role
///
/// It needs the issuer's public key and makes no credential itself. To try it out, make a pair of
/// keys with: cargo run -p keygen -- rsa
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "rbac-server",
    version,
    mut_arg("listen", |arg| arg.required(false).default_value("127.0.0.1:8103")),
    after_help = "To try out a role: cargo run -p rbac-client -- --role Officer"
)]
pub struct Options {
    /// What all servers have.
    #[command(flatten)]
    pub common: serve::Options,

    /// Where it is said which tokens were taken back.
    #[command(flatten)]
    pub store: serve::StoreOptions,

    /// The issuer's RSA public key in PEM, or several; used anew when it changes [default:
    /// rsa_public.pem in the keys folder]
    #[arg(long, env = "MCP_PUBLIC_KEY", value_name = "FILE")]
    pub public_key: Option<PathBuf>,

    /// The issuer's keys as a JWK Set, instead of --public-key: a file, or an https URL (or http
    /// on this machine) that is asked for them
    #[arg(long, env = "MCP_JWKS", value_name = "FILE|URL", conflicts_with = "public_key",
          value_parser = keys::parse)]
    pub jwks: Option<JwksSource>,

    /// How often the URL of --jwks is asked, and so how long a key that its issuer withdrew is
    /// trusted at most while the issuer answers. While it does not, it is asked every 30 s, and
    /// what it said last counts for a day longer. For a key that is not there it is asked at once
    #[arg(long, env = "MCP_JWKS_REFRESH", value_name = "TIME", default_value = "5m",
          value_parser = |text: &str| serve::time(text, SECOND..=DAY))]
    pub jwks_refresh: Duration,

    /// The CA of the URL of --jwks, if it is the issuer's own: certificates in PEM, beside which no
    /// other CA is trusted there, not even those of this machine; used anew when the file changes
    #[arg(long, env = "MCP_JWKS_CA", value_name = "FILE")]
    pub jwks_ca: Option<PathBuf>,

    /// Whose tokens are accepted.
    #[arg(
        long,
        env = "MCP_ISSUER",
        value_name = "URL",
        help = "Whose tokens are accepted, compared with the claim iss [default: https://dev-issuer.com]"
    )]
    pub issuer: Option<String>,

    /// For whom tokens have to be, looked for in the claim aud [default: my-mcp-server]
    #[arg(long, env = "MCP_AUDIENCE", value_name = "NAME")]
    pub audience: Option<String>,

    /// Refuse tokens without jti, client_id or iat, as RFC 9068 §2.2 wants all three; always so
    /// for the default issuer
    #[arg(long, env = "MCP_REQUIRE_JTI", value_parser = BoolishValueParser::new())]
    pub require_jti: bool,

    /// What the issuer writes into typ, such as JWT; the word absent if it writes no typ
    #[arg(long, env = "MCP_TYP", value_name = "TYPE", default_value = DEFAULT_TYP)]
    pub typ: String,

    /// How long a token may live at most: 90s, 30m, 1h 30m
    #[arg(long, env = "MCP_LONGEST_LIFE", value_name = "TIME", default_value = "24h",
          value_parser = |text: &str| serve::time(text, SECOND..=YEAR))]
    pub longest_life: Duration,

    /// How many tokens are remembered once they were verified, so that their signatures are not
    /// looked at again; all else about them is, at every use. 0: none
    #[arg(long, env = "MCP_REMEMBER_TOKENS", value_name = "N", default_value_t = remembered::DEFAULT)]
    pub remember_tokens: usize,

    /// File that says which role reaches which tools; used anew when it changes [default: the
    /// built-in one with Manager, AssistantManager, Officer and Auditor]
    #[arg(long, env = "MCP_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

const DEFAULT_TYP: &str = "at+jwt";
/// Says that tokens have no `typ`.
const NO_TYP: &str = "absent";
const DEFAULT_LIFE: Duration = DAY;
const DEFAULT_REFRESH: Duration = Duration::from_secs(5 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Options {
    /// All defaults, on a free loopback port. Nothing is read from the environment.
    pub fn new(keys: impl Into<PathBuf>) -> Self {
        Self {
            common: serve::Options::new(keys),
            store: serve::StoreOptions::default(),
            public_key: None,
            jwks: None,
            jwks_refresh: DEFAULT_REFRESH,
            jwks_ca: None,
            issuer: None,
            audience: None,
            require_jti: false,
            typ: DEFAULT_TYP.to_owned(),
            longest_life: DEFAULT_LIFE,
            remember_tokens: remembered::DEFAULT,
            policy: None,
        }
    }

    pub(crate) fn public_key_file(&self) -> PathBuf {
        self.public_key.clone().unwrap_or_else(|| self.common.keys.join("rsa_public.pem"))
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_deref().unwrap_or(DEFAULT_ISSUER)
    }

    pub(crate) fn audience(&self) -> &str {
        self.audience.as_deref().unwrap_or(DEFAULT_AUDIENCE)
    }

    /// What is asked of a token.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            longest_life: self.longest_life,
            // The default issuer is this workspace's own, and keeps the whole profile.
            full_profile: self.require_jti || self.issuer() == DEFAULT_ISSUER,
            typ: Some(self.typ.clone()).filter(|typ| typ != NO_TYP),
            ..Rules::new(self.issuer(), self.audience())
        }
    }
}
