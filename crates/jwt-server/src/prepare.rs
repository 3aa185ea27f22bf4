//! From flags to a server that only needs a port.

use std::sync::Arc;

use anyhow::bail;
use mcp_auth::audit::Heads;
use secrecy::SecretString;
use serve::{App, Banner, PublicUrl, Server, secret_from_environment};
use store::{Ledger, Memory, Store, demo};
use tools::{Records, Weather};

use crate::options::CREATE;
use crate::secrets::Secrets;
use crate::{NAME, Options, Prepared};

impl Server for Prepared {
    type Options = Options;

    fn common(options: &Options) -> &serve::Options {
        &options.common
    }

    fn take_secrets(options: &mut Options) -> anyhow::Result<()> {
        options.weather_key =
            secret_from_environment("OPENWEATHERMAP_API_KEY")?.map(SecretString::from);
        Ok(())
    }

    fn prepare(options: &Options) -> anyhow::Result<Self> {
        serve::install_crypto();
        let url = options.common.known_public_url()?;
        let store = clients(options)?;
        let secrets = Secrets::open(options)?;
        secrets.note_in(&store);
        // These two are opened again with the stack, of whose URL one depends; here only to hear
        // of their errors before the port is bound.
        Weather::new(options.weather, options.weather_key.clone())?;
        if let Some(url) = url {
            let file = options.common.records_of(NAME)?;
            Records::open(&file, &options.issuer_under(&url))?;
        }
        let demo_files = demo::client_files(&store, &options.common.keys)?;
        Ok(Self { options: options.clone(), secrets, store, demo_files })
    }

    fn app(&self, url: &PublicUrl) -> anyhow::Result<App> {
        self.stack(url)
    }

    fn heads(&self) -> Option<Arc<dyn Heads>> {
        Some(Arc::new(self.store.clone()))
    }

    fn banner(&self, url: &PublicUrl) -> Banner {
        let create = format!("{CREATE}{}", self.options.store_flags());
        let file = self.demo_files.is_empty().then_some("--client-file FILE");
        Banner {
            server: NAME,
            url: url.clone(),
            scheme: format!(
                "token (HS256, {}) from POST {}/token: Authorization: Bearer <token>",
                life(self.options.token_ttl.as_secs()),
                url.origin()
            ),
            protected: "/mcp and everything below it".to_owned(),
            public: "POST /token and /revoke, GET /.well-known/oauth-*, GET /healthz and /readyz"
                .to_owned(),
            credential: Banner::files_or(&self.demo_files, create),
            client: Banner::client_command("jwt-client", 8102, &self.options.common, url, file),
        }
    }
}

/// A misspelt scope would only be noticed by whoever is refused.
pub(crate) fn warn_of_unknown_scopes(store: &Store, known: &[String]) -> anyhow::Result<()> {
    for client in store.list_clients()?.iter().filter(|client| client.revoked.is_none()) {
        for scope in client.scopes.iter().filter(|scope| !known.contains(scope)) {
            tracing::warn!(
                client = %client.id, owner = ?client.owner, ?scope,
                "a client's scope is not in the policy; make a client with the right one"
            );
        }
    }
    Ok(())
}

fn clients(options: &Options) -> anyhow::Result<Store> {
    let file = options.store_file();
    let flag = options.store_flags();
    let memory = Memory { grace: options.store.grace, records: options.store.records };
    if options.common.is_loopback() {
        let store = Store::open_with(&file, memory)?;
        demo::make_clients(&store, &options.common.keys)?;
        return Ok(store);
    }
    if !Ledger::may_exist(&file) {
        bail!("others can reach this server, and there is no client yet; make one: {CREATE}{flag}");
    }
    let store = Store::open_with(&file, memory)?;
    if store.has_demo_clients()? {
        bail!(
            "{} holds demo clients, and others can reach this server; revoke them with: cargo run \
             -p keygen -- client revoke ID{flag} (client list shows their ids), and make your own: \
             {CREATE}{flag}",
            file.display()
        );
    }
    if store.list_clients()?.iter().all(|client| client.revoked.is_some()) {
        bail!("{} holds no client that is valid; make one: {CREATE}{flag}", file.display());
    }
    Ok(store)
}

fn life(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}
