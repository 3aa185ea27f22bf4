//! A server of its own, for what the table's servers are not set up for.

use std::path::Path;

use clap::Parser;
use compare::Kind;

/// A server of this kind on a free port of this machine, over keys that are there, with these
/// flags.
///
/// # Panics
/// It does not start.
pub(crate) async fn launch(kind: Kind, keys: &Path, flags: &[&str]) -> serve::Running {
    try_launch(kind, keys, flags).await.unwrap()
}

/// The same for one that may not start.
pub(crate) async fn try_launch(
    kind: Kind,
    keys: &Path,
    flags: &[&str],
) -> anyhow::Result<serve::Running> {
    let keys = keys.to_str().unwrap();
    let own = ["server", "--keys", keys, "--listen", "127.0.0.1:0"];
    let all = own.iter().chain(flags);
    match kind {
        Kind::ApiKey => {
            let options = apikey_server::Options::try_parse_from(all)?;
            serve::launch_in_process::<apikey_server::Prepared>(&options).await
        }
        Kind::Jwt => {
            let options = jwt_server::Options::try_parse_from(all)?;
            serve::launch_in_process::<jwt_server::Prepared>(&options).await
        }
        Kind::Rbac => {
            let options = rbac_server::Options::try_parse_from(all)?;
            serve::launch_in_process::<rbac_server::Prepared>(&options).await
        }
    }
}
