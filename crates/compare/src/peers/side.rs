//! One peer that runs, and the credentials to try it with.

use std::path::{Path, PathBuf};

use anyhow::Context;
use client::Credential;
use jiff::Timestamp;
use mcp_auth::authn::apikey::PlainKey;
use mcp_auth::authn::jwt::{Claims, Signer};
use mcp_auth::secret;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::process::Process;
use crate::tokens::{ended, role_claims, tampered};
use crate::{Kind, World, installed};

/// Another server than ours is meant, so that our tokens are foreign there.
const AUDIENCE: &str = "urn:mcp-auth:peer";

/// What bob and alice may do.
const SCOPES: &str = "payments:read";

/// One peer that runs.
pub(crate) struct PeerSide {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) settings: &'static str,
    pub(crate) url: String,
    pub(crate) bob: Credential,
    pub(super) alice: Credential,
    pub(super) wrong: Credential,
    pub(super) tampered: Credential,
    pub(super) expired: Credential,
    /// Good ones of our three servers.
    pub(super) foreign: Vec<Credential>,
    /// How bob's credential is taken back: it is started again, accepting this.
    pub(super) without_bob: Value,
    /// One that is good there.
    pub(super) renewed: Credential,
    python: PathBuf,
    folder: PathBuf,
    _process: Process,
}

impl PeerSide {
    /// `JWTVerifier` with the public key of our RBAC server.
    pub(super) async fn jwt(world: &World, python: &Path) -> anyhow::Result<Self> {
        let signer = Signer::rs256(&secret::read(&world.keys.join("rsa_private.pem"))?)?;
        let stranger = Signer::rs256(&world.stranger.private_pem)?;
        let public = std::fs::read_to_string(world.keys.join("rsa_public.pem"))?;
        let bob = claims("bob");
        let good = signer.mint(&bob);
        let secrets = [
            good.clone(),
            signer.mint(&claims("alice")),
            stranger.mint(&bob),
            tampered(&good, "sub", "alice")?,
            signer.mint(&ended(&bob)),
        ];
        let accepts = |key: &str| {
            json!({ "jwt": {
                "public_key": key,
                "issuer": rbac_server::DEFAULT_ISSUER,
                "audience": AUDIENCE,
                "algorithm": "RS256",
            }})
        };
        let other = accepts(&world.stranger.public_pem);
        let (name, settings) = (
            "RS256",
            "JWTVerifier(public_key, issuer, audience, algorithm=\"RS256\"), require_scopes for \
             the tools, http_app under uvicorn, one process",
        );
        let renewed = stranger.mint(&bob);
        let id = "fastmcp_jwt";
        Self::start(
            world,
            python,
            (id, name, settings),
            secrets,
            accepts(&public),
            (other, renewed),
        )
        .await
    }

    /// `StaticTokenVerifier`, which its documentation keeps for development and tests.
    pub(super) async fn fixed(world: &World, python: &Path) -> anyhow::Result<Self> {
        let mint = || PlainKey::mint().reveal().to_owned();
        let (bob, alice, expired) = (mint(), mint(), mint());
        let mut altered = bob.clone();
        altered.pop();
        altered.push(if bob.ends_with('0') { '1' } else { '0' });
        let holder =
            |user: &str| json!({ "client_id": "compare", "sub": user, "scopes": [SCOPES] });
        let mut ended = holder("bob");
        ended["expires_at"] = json!(Timestamp::now().as_second() - 3600);
        let accepts = |tokens: Value| json!({ "static": { "tokens": tokens } });
        let without =
            accepts(json!({ alice.as_str(): holder("alice"), expired.as_str(): ended.clone() }));
        let all = accepts(json!({
            bob.as_str(): holder("bob"),
            alice.as_str(): holder("alice"),
            expired.as_str(): ended,
        }));
        let secrets = [bob, alice.clone(), mint(), altered, expired];
        let (name, settings) = (
            "static token",
            "StaticTokenVerifier(tokens), which is there for development and tests, \
             require_scopes for the tools, http_app under uvicorn, one process",
        );
        let id = "fastmcp_static";
        Self::start(world, python, (id, name, settings), secrets, all, (without, alice)).await
    }

    async fn start(
        world: &World,
        python: &Path,
        (id, name, settings): (&'static str, &str, &'static str),
        secrets: [String; 5],
        accepts: Value,
        (without_bob, renewed): (Value, String),
    ) -> anyhow::Result<Self> {
        let folder = world.keys.with_file_name(id);
        std::fs::create_dir_all(&folder)?;
        let process = Process::start(python, &folder, &accepts).await?;
        let bearer = |secret: String| Credential::bearer(secret.into());
        let [bob, alice, wrong, tampered, expired] = secrets.map(bearer);
        let ours = Kind::ALL.map(|kind| world.side(kind).bob.secret().expose_secret().to_owned());
        let version = installed::python_version("fastmcp").context("FastMCP is not pinned")?;
        Ok(Self {
            id,
            title: format!("FastMCP {version}, {name}"),
            settings,
            url: process.url.clone(),
            bob: bob?,
            alice: alice?,
            wrong: wrong?,
            tampered: tampered?,
            expired: expired?,
            foreign: ours.map(bearer).into_iter().collect::<Result<_, _>>()?,
            without_bob,
            renewed: bearer(renewed)?,
            python: python.to_owned(),
            folder,
            _process: process,
        })
    }

    /// The same without bob.
    pub(super) async fn restarted(&self) -> anyhow::Result<Process> {
        Process::start(&self.python, &self.folder, &self.without_bob).await
    }
}

/// Claims as an issuer of this peer puts them into a token: what one of our RBAC server has, for
/// another audience, and scopes.
fn claims(user: &str) -> Claims {
    Claims {
        aud: AUDIENCE.into(),
        scope: Some(SCOPES.to_owned()),
        ..role_claims(user, "1", "Officer")
    }
}
