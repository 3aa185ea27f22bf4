//! What goes on in the process of a server: the whole stack of its program, with everything on.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serve::{Running, Server};

use crate::{Kind, Open};

/// What one process serves.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Served {
    Open,
    Apikey,
    Jwt,
    Rbac,
    /// `Rbac` that looks at every signature.
    RbacForgetful,
}

impl Served {
    /// The server of a scheme.
    pub(crate) fn scheme(kind: Kind) -> Self {
        match kind {
            Kind::ApiKey => Self::Apikey,
            Kind::Jwt => Self::Jwt,
            Kind::Rbac => Self::Rbac,
        }
    }
}

/// Serves until standard input ends. Audit, limits and sessions are on; the limits are set where
/// nobody reaches them.
///
/// # Errors
/// What the server would say at its start.
pub(crate) fn serve(served: Served, keys: &Path) -> anyhow::Result<()> {
    super::process::stay_on(super::process::SERVERS_CORE);
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let (url, _running) = runtime.block_on(start(served, keys))?;
    writeln!(std::io::stdout(), "{url}")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

enum Up {
    Open(#[expect(dead_code, reason = "it ends with this")] Open),
    Running(#[expect(dead_code, reason = "it ends with this")] Running),
}

async fn start(served: Served, keys: &Path) -> anyhow::Result<(String, Up)> {
    let audit_file = keys.join(format!("{served:?}.log"));
    Ok(match served {
        Served::Open => {
            let open = Open::start()?;
            (open.url.clone(), Up::Open(open))
        }
        Served::Apikey => {
            let mut options = apikey_server::Options::new(keys);
            measured(&mut options.common, audit_file);
            launch::<apikey_server::Prepared>(&options).await?
        }
        Served::Jwt => {
            let mut options = jwt_server::Options::new(keys);
            measured(&mut options.common, audit_file);
            launch::<jwt_server::Prepared>(&options).await?
        }
        Served::Rbac | Served::RbacForgetful => {
            let mut options = rbac_server::Options::new(keys);
            measured(&mut options.common, audit_file);
            if matches!(served, Served::RbacForgetful) {
                options.remember_tokens = 0;
            }
            launch::<rbac_server::Prepared>(&options).await?
        }
    })
}

fn measured(common: &mut serve::Options, audit_file: PathBuf) {
    common.put_limits_out_of_reach();
    common.audit.audit_file = Some(audit_file);
}

async fn launch<S: Server>(options: &S::Options) -> anyhow::Result<(String, Up)> {
    let running = serve::launch_in_process::<S>(options).await?;
    Ok((running.url(), Up::Running(running)))
}
