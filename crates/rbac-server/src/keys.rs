//! The public keys that verify tokens, followed while the server runs.

use std::path::Path;

use anyhow::{anyhow, bail};
use mcp_auth::Live;
use mcp_auth::authn::jwt::KeySet;
use serve::{Follow, Seen, read_trusted};

use crate::Options;

/// What the file of public keys holds now, and what replaces it when that changes.
pub(crate) fn open(options: &Options) -> anyhow::Result<(Live<KeySet>, Follow)> {
    let file = options.public_key_file();
    let flag = options.common.keys_flag();
    if !file.exists() {
        let fix = match options.public_key {
            Some(_) => "give the file of your issuer's key, or make a pair with".to_owned(),
            None => "make a pair with".to_owned(),
        };
        bail!(
            "there is no public key in {}; {fix}: cargo run -p keygen -- rsa{flag}",
            file.display()
        );
    }
    let seen = Seen::now([&file]);
    let read = move || read(&file, &flag);
    let keys = Live::from(read()?);
    let live = keys.clone();
    let follow = seen.follow("public key", move || {
        live.replace(read()?);
        Ok(())
    });
    Ok((keys, follow))
}

fn read(file: &Path, flag: &str) -> anyhow::Result<KeySet> {
    let text = read_trusted(file, "public key", "--public-key")?;
    KeySet::rs256(&text).map_err(|error| {
        anyhow!(
            "{} verifies nothing: {error}; give an RSA public key, or make a pair with: cargo run \
             -p keygen -- rsa{flag}",
            file.display()
        )
    })
}
