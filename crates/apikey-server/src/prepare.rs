//! From flags to a server that only needs a port.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use mcp_auth::Identity;
use mcp_auth::audit::Heads;
use mcp_auth::authn::apikey::{ApiKeys, OneKey};
use mcp_auth::authz::{Catalogue, Policy, Rule};
use secrecy::{ExposeSecret, SecretString};
use serve::{App, Banner, PublicUrl, Server, secret_from_environment};
use store::{KEY_ISSUER, Ledger, Memory, Store, demo};
use tools::{Kit, Records, ToolServer, Weather};

use crate::keys::Keys;
use crate::options::CREATE;
use crate::{Options, Prepared, Protect};

const NAME: &str = "apikey-server";

impl Server for Prepared {
    type Options = Options;

    fn common(options: &Options) -> &serve::Options {
        &options.common
    }

    fn take_secrets(options: &mut Options) -> anyhow::Result<()> {
        options.api_key = secret_from_environment("MCP_API_KEY")?.map(SecretString::from);
        options.weather_key =
            secret_from_environment("OPENWEATHERMAP_API_KEY")?.map(SecretString::from);
        if let Some(owner) = secret_from_environment("MCP_API_KEY_OWNER")? {
            options.api_key_owner = owner;
        }
        Ok(())
    }

    fn prepare(options: &Options) -> anyhow::Result<Self> {
        serve::install_crypto();
        options.common.known_public_url()?;
        if options.protect.is_none() && !options.common.is_loopback() {
            bail!(
                "others can reach this server: say whether GET /items is public (--protect mcp) \
                 or needs a key too (--protect all)"
            );
        }
        let (keys, store) = match &options.api_key {
            Some(key) => (one_key(key, options)?, None),
            None => {
                let store = store(options)?;
                let keys = ApiKeys::new(store.clone(), options.accept_basic);
                (Keys::Stored(Arc::new(keys)), Some(store))
            }
        };
        let weather = Weather::new(options.weather, options.weather_key.clone())?;
        let records = Records::open(&options.common.records_of(NAME)?, KEY_ISSUER)?;
        let tools = ToolServer::new(NAME, Kit::personal(weather), records);
        let policy = Policy::grants_only(tools.catalogue()).always("whoami")?;
        let mut demo_files = Vec::new();
        if let Some(store) = &store {
            demo_files = demo::key_files(store, &options.common.keys)?;
            warn_of_idle_grants(store, policy.catalogue())?;
        }
        let policy = Arc::new(policy);
        Ok(Self { options: options.clone(), keys, store, demo_files, policy, tools })
    }

    fn app(&self, url: &PublicUrl) -> anyhow::Result<App> {
        Ok(self.stack(url))
    }

    fn heads(&self) -> Option<Arc<dyn Heads>> {
        self.store.clone().map(|store| Arc::new(store) as Arc<dyn Heads>)
    }

    fn banner(&self, url: &PublicUrl) -> Banner {
        let basic = if self.options.accept_basic { ", or the password of Basic" } else { "" };
        let (protected, public) = match self.options.protection() {
            Protect::Mcp => {
                ("/mcp and everything below it", "GET /items, GET /healthz and /readyz")
            }
            Protect::All => {
                ("/mcp and everything below it, GET /items", "GET /healthz and /readyz")
            }
        };
        // The client looks for the key in its own environment.
        let is_stored = matches!(self.keys, Keys::Stored(_));
        let file = (is_stored && self.demo_files.is_empty()).then_some("--key-file FILE");
        Banner {
            server: NAME,
            url: url.clone(),
            scheme: format!("API key: X-API-Key: <key>, or Authorization: Bearer <key>{basic}"),
            protected: protected.to_owned(),
            public: public.to_owned(),
            credential: self.where_keys_lie(),
            client: Banner::client_command("apikey-client", 8101, &self.options.common, url, file),
        }
    }
}

impl Prepared {
    fn where_keys_lie(&self) -> Vec<String> {
        if matches!(self.keys, Keys::One(_)) {
            return vec![
                "the key in MCP_API_KEY: give it to the client in its environment, or put"
                    .to_owned(),
                "MCP_API_KEY=<key> into a .env (mode 600) of the folder it starts in".to_owned(),
            ];
        }
        Banner::files_or(&self.demo_files, format!("{CREATE}{}", self.options.store_flags()))
    }
}

/// A misspelt grant would only be noticed by whoever is refused.
fn warn_of_idle_grants(store: &Store, tools: &Catalogue) -> anyhow::Result<()> {
    let now = Timestamp::now();
    for key in store.list_keys()? {
        let live = key.revoked.is_none() && key.expires.is_none_or(|end| end > now);
        for grant in key.grants.iter().filter(|_| live) {
            if !tools.has_any(&Rule::parse(grant)) {
                tracing::warn!(
                    key = %key.id, owner = ?key.owner, ?grant,
                    "a key's grant matches no tool of this server; make a key with the right one"
                );
            }
        }
    }
    Ok(())
}

fn one_key(key: &SecretString, options: &Options) -> anyhow::Result<Keys> {
    let identity = Identity {
        scheme: "apikey",
        issuer: KEY_ISSUER.to_owned(),
        user: options.api_key_owner.clone(),
        user_number: None,
        name: None,
        client: "MCP_API_KEY".to_owned(),
        credential: "MCP_API_KEY".to_owned(),
        roles: Vec::new(),
        scopes: Vec::new(),
        // Its holder has the whole server.
        grants: vec!["*".to_owned()],
        read_only: false,
        rate: None,
        issued: None,
        key: None,
        expires: None,
    };
    let key =
        OneKey::new(key.expose_secret(), identity, options.accept_basic).map_err(|error| {
            anyhow!("MCP_API_KEY: {error}; make a longer one, such as with: openssl rand -hex 32")
        })?;
    Ok(Keys::One(Arc::new(key)))
}

fn store(options: &Options) -> anyhow::Result<Store> {
    let file = options.store_file();
    let flag = options.store_flags();
    let memory = Memory { grace: options.store.grace, records: options.store.records };
    if options.common.is_loopback() {
        let store = Store::open_with(&file, memory)?;
        demo::make_keys(&store, &options.common.keys)?;
        return Ok(store);
    }
    if !Ledger::may_exist(&file) {
        bail!("others can reach this server, and there is no key yet; make one: {CREATE}{flag}");
    }
    let store = Store::open_with(&file, memory)?;
    if store.has_demo_keys()? {
        bail!(
            "{} holds demo keys, and others can reach this server; revoke them with: cargo run -p \
             keygen -- apikey revoke ID{flag} (apikey list shows their ids), and make your own: \
             {CREATE}{flag}",
            file.display()
        );
    }
    if store.list_keys()?.iter().all(|key| key.revoked.is_some()) {
        bail!("{} holds no key that is valid; make one: {CREATE}{flag}", file.display());
    }
    Ok(store)
}
