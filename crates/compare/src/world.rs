//! Three servers in this process, on free ports, with keys and stores in a temporary folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::{ApiKeys, PlainKey};
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::authn::jwt::{Claims, JwtVerifier, KeySet, Rules, Signer, VerifyingKey, remembered};
use mcp_auth::secret;
use secrecy::ExposeSecret;
use serve::{PublicUrl, Server};
use store::{NewKey, Store};
use tempfile::TempDir;

use crate::tokens::{ClientFile, ask_for_token, claims, ended, role_claims, tampered};
use crate::{Kind, Open, Side, bad};

/// All there is to compare. It ends, and its folder goes, when it is dropped.
pub struct World {
    /// The folder of keys and stores, as `keygen init` and the servers lay it out.
    pub keys: PathBuf,
    /// The store of API keys and clients that two of the servers read.
    pub store: Store,
    /// The scheme of `apikey-server`, on the same keys.
    pub api_keys: ApiKeys<Store>,
    /// The scheme of `jwt-server`, on the same secret: one that remembers no token, and one that does.
    pub hs256: [JwtVerifier<KeySet>; 2],
    /// The same of `rbac-server`, on the same public key.
    pub rs256: [JwtVerifier<KeySet>; 2],
    /// A server without authentication.
    pub open: Open,
    /// A key pair that none of the servers was given.
    pub(crate) stranger: keygen::rsa::RsaPair,
    pub(crate) http: reqwest::Client,
    sides: [Side; 3],
    /// Last, so that the servers have ended before their files go.
    _folder: TempDir,
}

impl World {
    /// Makes keys and starts the servers. It takes a moment: two RSA keys are made.
    ///
    /// # Errors
    /// What a server would say at its start, or a folder that cannot be written.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(|_, _| ()).await
    }

    /// The same with servers that write audit files into this folder: `<kind>.log`, under the
    /// `audit.key` of the keys folder.
    ///
    /// # Errors
    /// As for [`World::start`].
    pub async fn start_audited(audits: &Path) -> anyhow::Result<Self> {
        let file = |kind| Some(audits.join(format!("{kind}.log")));
        Self::start_with(|kind, options| options.audit.audit_file = file(kind)).await
    }

    /// The same with servers whose options were changed.
    ///
    /// # Errors
    /// As for [`World::start`].
    pub async fn start_with(change: impl Fn(Kind, &mut serve::Options)) -> anyhow::Result<Self> {
        Self::start_on(None, change).await
    }

    /// The same with the store there, an empty one, and not in the keys folder.
    ///
    /// # Errors
    /// As for [`World::start`].
    pub async fn start_on(
        store: Option<&Path>,
        change: impl Fn(Kind, &mut serve::Options),
    ) -> anyhow::Result<Self> {
        serve::install_crypto();
        let folder = tempfile::Builder::new()
            .prefix("mcp-auth-compare-")
            .tempdir()
            .context("cannot make a temporary folder; set TMPDIR to one that can be written")?;
        let keys = folder.path().join("keys");
        let store_file = store.map_or_else(|| keys.join(store::FILE_NAME), Path::to_owned);
        let (made, store) = (keys.clone(), store_file.clone());
        let stranger = tokio::task::spawn_blocking(move || {
            keygen::init_with_store(&made, &store)?;
            keygen::rsa::generate(2048)
        })
        .await?
        .context("cannot make keys")?;
        let store = Store::open(&store_file)?;
        let secret = secret::read(&keys.join("jwt.secret"))?;
        let private = secret::read(&keys.join("rsa_private.pem"))?;
        let public = std::fs::read_to_string(keys.join("rsa_public.pem"))?;

        let http = client::http_client(&client::parse_url("http://127.0.0.1")?)?;
        // Before the servers are there, so that they know it from the start.
        let expired = expired_key(&store)?;
        let up = launch_all(&keys, &store_file, change)?;
        let jwt_rules = Rules::new(origin(&up.1.url), up.1.url.as_str());
        let rbac_rules = Rules::new(rbac_server::DEFAULT_ISSUER, rbac_server::DEFAULT_AUDIENCE);
        let mut sides = [
            apikey(up.0, &keys, expired.reveal())?,
            jwt(up.1, &keys, &secret, &http).await?,
            rbac(up.2, &private, &stranger.private_pem)?,
        ];
        show_around(&mut sides)?;
        Ok(Self {
            api_keys: ApiKeys::new(store.clone(), false),
            hs256: twice(&VerifyingKey::hs256(&secret)?.into(), &jwt_rules, &store),
            rs256: twice(&VerifyingKey::rs256(&public)?.into(), &rbac_rules, &store),
            open: Open::start()?,
            keys,
            store,
            stranger,
            http,
            sides,
            _folder: folder,
        })
    }

    /// The server of this scheme.
    pub fn side(&self, kind: Kind) -> &Side {
        let [apikey, jwt, rbac] = &self.sides;
        match kind {
            Kind::ApiKey => apikey,
            Kind::Jwt => jwt,
            Kind::Rbac => rbac,
        }
    }

    /// Ends the servers in order, so that no call is cut off.
    pub async fn stop(self) {
        for side in self.sides {
            side.running.stop().await;
        }
    }
}

/// A verifier that remembers no token, and one that does.
fn twice(keys: &KeySet, rules: &Rules, store: &Store) -> [JwtVerifier<KeySet>; 2] {
    [0, remembered::DEFAULT].map(|most| {
        JwtVerifier::new(keys.clone(), rules.clone())
            .with_revocations(Arc::new(store.clone()))
            .remembering(most)
    })
}

/// A server that runs and has no credentials yet.
pub(crate) struct Up {
    pub(crate) url: String,
    router: Router,
    running: serve::Running,
}

fn launch_all(
    keys: &Path,
    store: &Path,
    change: impl Fn(Kind, &mut serve::Options),
) -> anyhow::Result<(Up, Up, Up)> {
    let mut apikey = apikey_server::Options::new(keys);
    let mut jwt = jwt_server::Options::new(keys);
    let mut rbac = rbac_server::Options::new(keys);
    for options in [&mut apikey.store, &mut jwt.store, &mut rbac.store] {
        options.file = Some(store.to_owned());
    }
    let commons = [&mut apikey.common, &mut jwt.common, &mut rbac.common];
    for (common, kind) in commons.into_iter().zip(Kind::ALL) {
        common.put_limits_out_of_reach();
        change(kind, common);
    }
    Ok((
        launch::<apikey_server::Prepared>(&apikey)?,
        launch::<jwt_server::Prepared>(&jwt)?,
        launch::<rbac_server::Prepared>(&rbac)?,
    ))
}

/// Starts one server on a free loopback port.
pub(crate) fn launch<S: Server>(options: &S::Options) -> anyhow::Result<Up> {
    let prepared = S::prepare(options)?;
    let listener = serve::bind(S::common(options).listen)?;
    let own = PublicUrl::of(listener.local_addr()?);
    let url = S::common(options).public_url.clone().unwrap_or_else(|| own.clone());
    let app = serve::app_of(&prepared, S::common(options), &url)?;
    let router = app.router.clone();
    Ok(Up { url: own.mcp(), router, running: serve::start(listener, app)? })
}

/// Another server of this scheme on the same keys and store, which clients reach under the same URL.
pub(crate) fn replica(kind: Kind, keys: &Path, store: &Path, origin: &str) -> anyhow::Result<Up> {
    let common = |common: &mut serve::Options| -> anyhow::Result<()> {
        common.put_limits_out_of_reach();
        common.public_url = Some(origin.parse()?);
        Ok(())
    };
    match kind {
        Kind::ApiKey => {
            let mut options = apikey_server::Options::new(keys);
            common(&mut options.common)?;
            options.store.file = Some(store.to_owned());
            launch::<apikey_server::Prepared>(&options)
        }
        Kind::Jwt => {
            let mut options = jwt_server::Options::new(keys);
            common(&mut options.common)?;
            options.store.file = Some(store.to_owned());
            options.issuer = Some(origin.to_owned());
            launch::<jwt_server::Prepared>(&options)
        }
        Kind::Rbac => {
            let mut options = rbac_server::Options::new(keys);
            common(&mut options.common)?;
            options.store.file = Some(store.to_owned());
            launch::<rbac_server::Prepared>(&options)
        }
    }
}

fn expired_key(store: &Store) -> anyhow::Result<PlainKey> {
    let expired = PlainKey::mint();
    let now = Timestamp::now();
    store.insert_key(NewKey {
        grants: store::demo::GRANTS.map(str::to_owned).into(),
        created: now - SignedDuration::from_hours(2),
        expires: Some(now - SignedDuration::from_hours(1)),
        ..NewKey::of(&expired, "bob", "Bob's expired key")
    })?;
    Ok(expired)
}

fn apikey(up: Up, keys: &Path, expired: &str) -> anyhow::Result<Side> {
    let bob = secret::read(&keys.join("clients/bob.apikey"))?;
    let alice = secret::read(&keys.join("clients/alice.apikey"))?;
    let tampered = bad::tampered_key(&bob).context("an API key has a checksum")?;
    side(Kind::ApiKey, up, [&bob, &alice, PlainKey::mint().reveal(), &tampered, expired])
}

async fn jwt(up: Up, keys: &Path, secret: &str, http: &reqwest::Client) -> anyhow::Result<Side> {
    let bob = token(up.url.as_str(), keys, "bob", http).await?;
    let alice = token(up.url.as_str(), keys, "alice", http).await?;
    let known = claims(&bob)?;
    let wrong = Signer::hs256(&new_hs256_secret())?.mint(&known);
    let expired = Signer::hs256(secret)?.mint(&ended(&known));
    side(Kind::Jwt, up, [&bob, &alice, &wrong, &tampered(&bob, "sub", "alice")?, &expired])
}

fn rbac(up: Up, private: &str, stranger: &str) -> anyhow::Result<Side> {
    let signer = Signer::rs256(private)?;
    let known: Claims = role_claims("bob", "1", "Officer");
    let bob = signer.mint(&known);
    let alice = signer.mint(&role_claims("alice", "3", "Manager"));
    let wrong = Signer::rs256(stranger)?.mint(&known);
    let expired = signer.mint(&ended(&known));
    side(Kind::Rbac, up, [&bob, &alice, &wrong, &tampered(&bob, "job_role", "Manager")?, &expired])
}

fn side(kind: Kind, up: Up, secrets: [&str; 5]) -> anyhow::Result<Side> {
    let [bob, alice, wrong, tampered, expired] = secrets.map(|one| Side::present(kind, one));
    let refused_tool = match kind {
        Kind::ApiKey | Kind::Jwt => "remove_shopping_item",
        Kind::Rbac => "crm_summary",
    };
    Ok(Side {
        kind,
        url: up.url,
        router: up.router,
        bob: bob?,
        alice: alice?,
        wrong: wrong?,
        tampered: tampered?,
        expired: expired?,
        foreign: Vec::new(),
        refused_tool,
        running: up.running,
    })
}

/// Gives each server's clients the good credentials of the other two.
fn show_around(sides: &mut [Side; 3]) -> anyhow::Result<()> {
    let good = sides.each_ref().map(|side| (side.kind, side.bob.clone()));
    for side in sides {
        for (_, other) in good.iter().filter(|(kind, _)| *kind != side.kind) {
            side.foreign.push(Side::present(side.kind, other.secret().expose_secret())?);
        }
    }
    Ok(())
}

async fn token(
    url: &str,
    keys: &Path,
    user: &str,
    http: &reqwest::Client,
) -> anyhow::Result<String> {
    let file = secret::read(&keys.join(format!("clients/{user}.client.json")))?;
    let file: ClientFile = serde_json::from_str(&file)?;
    let answer = ask_for_token(http, origin(url), &file.client_id, &file.client_secret).await?;
    Ok(answer.token()?.to_owned())
}

fn origin(url: &str) -> &str {
    url.strip_suffix("/mcp").unwrap_or(url)
}
