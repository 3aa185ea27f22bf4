//! A token that the client signs itself. Whoever holds the private key can be anyone: that is
//! why, outside of demos, an issuer holds it and clients do not.

use std::path::PathBuf;

use client::{Cli, Error, read_secret_file};
use jiff::Timestamp;
use mcp_auth::authn::jwt::{Claims, Signers};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

/// How long such a token lives, in seconds.
const LIFE: i64 = 10 * 60;

/// What the token is to say, and the key to sign it with.
#[derive(clap::Args)]
pub(crate) struct Token {
    /// Sign a token with this private key [default: rsa_private.pem in the keys folder]
    #[arg(long, env = "MCP_PRIVATE_KEY_FILE", global = true, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// The job_role that the signed token claims
    #[arg(long, env = "MCP_ROLE", global = true, default_value = "AssistantManager")]
    role: String,
    /// The user that the signed token is for
    #[arg(long, env = "MCP_SUB", global = true, default_value = "bob")]
    sub: String,
    /// The issuer that the signed token names
    #[arg(long, env = "MCP_ISSUER", global = true, default_value = "https://dev-issuer.com")]
    issuer: String,
    /// The server that the signed token is for
    #[arg(long, env = "MCP_AUDIENCE", global = true, default_value = "my-mcp-server")]
    audience: String,
}

impl Token {
    /// Signs it.
    ///
    /// # Errors
    /// When there is no private key, or it cannot sign.
    pub(crate) fn sign(&self, cli: &Cli) -> Result<SecretString, Error> {
        let path = self.private_key.clone().unwrap_or_else(|| cli.keys.join("rsa_private.pem"));
        let shown = path.display();
        let pem = read_secret_file(&path)?.ok_or_else(|| {
            Error::Usage(format!(
                "There is no private key in {shown} to sign a token with. \
                 Give a token with --token-file FILE, or a key. {}",
                self.how_to_get_a_key(cli)
            ))
        })?;
        let cannot = |why: &dyn std::fmt::Display| {
            Error::Usage(format!("{shown} cannot sign: {why}. {}", self.how_to_get_a_key(cli)))
        };
        let signers = Signers::rs256(pem.expose_secret()).map_err(|error| cannot(&error))?;
        let signer = signers
            .at(Timestamp::now())
            .ok_or_else(|| cannot(&"every key in it signs later, or is over"))?;
        Ok(signer.mint(&self.claims()).into())
    }

    fn how_to_get_a_key(&self, cli: &Cli) -> String {
        if self.private_key.is_some() {
            // keygen would make the pair elsewhere, perhaps in the place of a good one.
            return "Check --private-key: it takes an RSA private key in PEM.".to_owned();
        }
        let flag = cli.keys_flag();
        let there = |name| cli.keys.join(name).exists();
        if !there("rsa_private.pem") && !there("rsa_public.pem") {
            return format!("Make a key pair: cargo run -p keygen -- rsa{flag}");
        }
        format!(
            "Give another with --private-key FILE, or replace the pair, after which tokens \
             signed with the old one stop working: cargo run -p keygen -- rsa --force{flag}"
        )
    }

    fn claims(&self) -> Claims {
        let now = Timestamp::now().as_second();
        Claims {
            iss: self.issuer.clone(),
            sub: self.sub.clone(),
            aud: self.audience.as_str().into(),
            exp: now + LIFE,
            iat: Some(now),
            jti: Some(Uuid::now_v7().to_string()),
            client_id: Some("rbac-client".to_owned()),
            job_role: Some(self.role.clone()),
            ..Claims::default()
        }
    }
}
