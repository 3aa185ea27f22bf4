//! From flags to a server that only needs a port.

use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use mcp_auth::Live;
use mcp_auth::audit::Heads;
use mcp_auth::authz::{Catalogue, Policy, PolicyError};
use serve::{App, Banner, Follow, PublicUrl, Seen, Server, read_trusted};
use store::{Memory, Store};
use tools::{Kit, Records, ToolServer};

use crate::keys::Trusted;
use crate::{BUILT_IN_POLICY, DEFAULT_AUDIENCE, DEFAULT_ISSUER, Options, Prepared};

const NAME: &str = "rbac-server";

/// Ends a sentence about a policy.
const EXAMPLE: &str = "or leave --policy out for the built-in one; crates/rbac-server/policy.toml \
    shows what a policy looks like";

impl Server for Prepared {
    type Options = Options;

    fn common(options: &Options) -> &serve::Options {
        &options.common
    }

    fn prepare(options: &Options) -> anyhow::Result<Self> {
        serve::install_crypto();
        options.common.known_public_url()?;
        refuse_defaults_for_others(options)?;
        let (keys, follow_keys) = Trusted::open(options)?;
        let file = options.store.path(&options.common, store::FILE_NAME);
        let memory = Memory { grace: options.store.grace, records: options.store.records };
        let store = Store::open_with(&file, memory)?;
        keys.note_in(&store);
        let records = Records::open(&options.common.records_of(NAME)?, options.issuer())?;
        let tools = ToolServer::new(NAME, Kit::business(), records);
        let (policy, follow_policy) = policy(options, tools.catalogue())?;
        let follows = follow_policy.into_iter().chain(follow_keys).collect();
        Ok(Self { options: options.clone(), keys, store, policy, tools, follows })
    }

    fn app(&self, url: &PublicUrl) -> anyhow::Result<App> {
        Ok(self.stack(url))
    }

    fn heads(&self) -> Option<Arc<dyn Heads>> {
        Some(Arc::new(self.store.clone()))
    }

    fn banner(&self, url: &PublicUrl) -> Banner {
        let common = &self.options.common;
        let (issuer, audience) = (self.options.issuer(), self.options.audience());
        let private = common.keys.join("rsa_private.pem");
        // The client signs for these two alone, and nobody but this machine takes them.
        let demo = issuer == DEFAULT_ISSUER && audience == DEFAULT_AUDIENCE && private.is_file();
        let (credential, file) = if demo {
            let shown = private.display();
            (format!("{shown}, with which the client signs its own token, to try out"), None)
        } else {
            (format!("a token that {issuer} issued for {audience}"), Some("--token-file FILE"))
        };
        Banner {
            server: NAME,
            url: url.clone(),
            scheme: format!(
                "token (RS256) of {} for {}: Authorization: Bearer <token>",
                issuer, audience
            ),
            protected: format!(
                "/mcp and everything below it, by role: {}",
                self.policy.current().roles().join(", ")
            ),
            public: format!(
                "{}GET /.well-known/oauth-protected-resource, GET /healthz and /readyz",
                self.keys.public()
            ),
            credential: vec![credential],
            client: Banner::client_command("rbac-client", 8103, common, url, file),
        }
    }
}

/// A token of the default issuer for the default audience is what every demo makes.
fn refuse_defaults_for_others(options: &Options) -> anyhow::Result<()> {
    if options.common.is_loopback() {
        return Ok(());
    }
    let mut missing = Vec::new();
    if options.issuer() == DEFAULT_ISSUER {
        missing.push("--issuer URL (whose tokens are accepted)");
    }
    if options.audience() == DEFAULT_AUDIENCE {
        missing.push("--audience NAME (for whom they have to be)");
    }
    if options.policy.is_none() {
        missing.push("--policy FILE (which role reaches which tools)");
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "others can reach this server, and the defaults are for trying out: add {}",
        missing.join(" and ")
    )
}

/// The policy, and what replaces it when its file changes.
fn policy(
    options: &Options,
    catalogue: Catalogue,
) -> anyhow::Result<(Live<Policy>, Option<Follow>)> {
    let for_all = |policy: Policy| policy.always("whoami");
    let Some(file) = options.policy.clone() else {
        let policy = for_all(Policy::parse(BUILT_IN_POLICY, catalogue)?)?;
        return Ok((policy.into(), None));
    };
    if !file.is_file() {
        bail!("there is no policy file {}; name one with --policy, {EXAMPLE}", file.display());
    }
    let seen = Seen::now([&file]);
    let read = move || anyhow::Ok(for_all(policy_in(&file, catalogue.clone())?)?);
    let policy = Live::from(read()?);
    let live = policy.clone();
    let follow = seen.follow("policy", move || {
        live.replace(read()?);
        Ok(())
    });
    Ok((policy, Some(follow)))
}

fn policy_in(file: &Path, catalogue: Catalogue) -> anyhow::Result<Policy> {
    let shown = file.display();
    let text = read_trusted(file, "policy", "--policy")?;
    Policy::parse(&text, catalogue).map_err(|error| match error {
        PolicyError::Syntax(error) => {
            let before = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(before).filter(|byte| *byte == b'\n').count();
            let what = error.message().lines().collect::<Vec<_>>().join(", ");
            anyhow!("cannot use the policy {shown}: line {line}: {what}; mend that line, {EXAMPLE}")
        }
        error => anyhow!("cannot use the policy {shown}: {error}; mend that rule, {EXAMPLE}"),
    })
}
