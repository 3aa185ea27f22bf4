//! What a first run needs: two owners with a key and a client each, and a secret.
//!
//! The credentials are random like any others. They are marked because everybody who can
//! read the keys folder has them: a server refuses them on an address that others reach.

use std::fs;
use std::path::{Path, PathBuf};

use mcp_auth::authn::apikey::PlainKey;
use mcp_auth::authn::client::PlainClient;
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::secret::{self, SecretFileError};
use serde_json::json;
use zeroize::Zeroizing;

use crate::ledger::Change;
use crate::{Ledger, NewClient, NewKey, StoreError};

/// Somebody to try things out as.
#[derive(Clone, Copy, Debug)]
pub struct DemoOwner {
    /// The user.
    pub user: &'static str,
    /// The number by which other systems know the user.
    pub number: &'static str,
    /// What the key and the client are called.
    pub name: &'static str,
}

/// The two owners.
pub const OWNERS: [DemoOwner; 2] = [
    DemoOwner { user: "bob", number: "1", name: "Bob Personal Key" },
    DemoOwner { user: "alice", number: "3", name: "Alice Personal Key" },
];

/// The role of both.
pub const ROLE: &str = "customer";

/// What their keys may call: every tool that ships but `remove_shopping_item`, so that there
/// is something to be refused.
pub const GRANTS: [&str; 8] = [
    "get_time",
    "get_weather",
    "get_all_transactions",
    "get_latest_transactions",
    "get_account_balance",
    "list_shopping_items",
    "add_shopping_item",
    "mark_shopping_item_bought",
];

/// What their clients may ask for: every scope that ships but `shopping:remove`.
pub const SCOPES: [&str; 4] = ["weather:read", "payments:read", "shopping:read", "shopping:write"];

const KEY_SUFFIX: &str = ".apikey";
const CLIENT_SUFFIX: &str = ".client.json";

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A credential of another store lies where the new one would go.
    #[error(
        "{file} is there already, but {store} does not know it; delete {file}, or name its own store with --store"
    )]
    Leftover {
        /// The credential.
        file: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// A file was not written.
    #[error(transparent)]
    File(SecretFileError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives both owners an API key, unless the store has any key. The keys are written to
/// `<keys_dir>/clients/<user>.apikey` (0600); returned are the files made.
///
/// # Errors
/// A file or the store cannot be written; then neither is changed.
pub fn make_keys(store: &Ledger, keys_dir: &Path) -> Result<Vec<PathBuf>, DemoError> {
    make(store, "api_keys", |change, owner| {
        let plain = PlainKey::mint();
        change.insert_key(&NewKey {
            user_number: Some(owner.number.to_owned()),
            role: Some(ROLE.to_owned()),
            grants: GRANTS.map(str::to_owned).into(),
            demo: true,
            ..NewKey::of(&plain, owner.user, owner.name)
        })?;
        let path = file_of(owner.user, keys_dir, KEY_SUFFIX);
        Ok((path, Zeroizing::new(format!("{}\n", plain.reveal()))))
    })
}

/// Gives both owners a client, unless the store has any client. Id and secret are written to
/// `<keys_dir>/clients/<user>.client.json` (0600); returned are the files made.
///
/// # Errors
/// A file or the store cannot be written; then neither is changed.
pub fn make_clients(store: &Ledger, keys_dir: &Path) -> Result<Vec<PathBuf>, DemoError> {
    make(store, "clients", |change, owner| {
        let plain = PlainClient::mint();
        change.insert_client(&NewClient {
            user_number: Some(owner.number.to_owned()),
            scopes: SCOPES.map(str::to_owned).into(),
            demo: true,
            ..NewClient::of(&plain, owner.user, owner.name)
        })?;
        let path = file_of(owner.user, keys_dir, CLIENT_SUFFIX);
        let text = json!({ "client_id": plain.id(), "client_secret": plain.reveal_secret() });
        Ok((path, Zeroizing::new(format!("{text:#}\n"))))
    })
}

/// The files of the demo keys that are in force.
///
/// # Errors
/// The store cannot be read.
pub fn key_files(store: &Ledger, keys_dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let live = store.list_keys()?.into_iter().filter(|key| key.demo && key.revoked.is_none());
    Ok(existing(live.map(|key| key.owner), keys_dir, KEY_SUFFIX))
}

/// The files of the demo clients that are in force.
///
/// # Errors
/// The store cannot be read.
pub fn client_files(store: &Ledger, keys_dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let clients = store.list_clients()?.into_iter();
    let live = clients.filter(|client| client.demo && client.revoked.is_none());
    Ok(existing(live.map(|client| client.owner), keys_dir, CLIENT_SUFFIX))
}

/// Writes a new HS256 secret to `<keys_dir>/jwt.secret` (0600), unless there is one.
///
/// # Errors
/// The file cannot be written.
pub fn make_secret(keys_dir: &Path) -> Result<Option<PathBuf>, DemoError> {
    let path = keys_dir.join("jwt.secret");
    match secret::write(&path, &format!("{}\n", *new_hs256_secret()), false) {
        Ok(()) => Ok(Some(path)),
        // It was there, or another server that started just now was quicker.
        Err(SecretFileError::Exists(_)) => Ok(None),
        Err(error) => Err(DemoError::File(error)),
    }
}

fn file_of(owner: &str, keys_dir: &Path, suffix: &str) -> PathBuf {
    keys_dir.join("clients").join(format!("{owner}{suffix}"))
}

fn existing(owners: impl Iterator<Item = String>, keys_dir: &Path, suffix: &str) -> Vec<PathBuf> {
    owners.map(|owner| file_of(&owner, keys_dir, suffix)).filter(|file| file.is_file()).collect()
}

fn make(
    store: &Ledger,
    table: &'static str,
    one: impl Fn(&Change<'_>, DemoOwner) -> Result<(PathBuf, Zeroizing<String>), StoreError>,
) -> Result<Vec<PathBuf>, DemoError> {
    let mut written = Vec::new();
    // The files are written before the change is committed: whoever sees the keys sees them.
    let result = store.change(|change| {
        if !change.is_empty(table)? {
            return Ok(());
        }
        for owner in OWNERS {
            let (path, text) = one(change, owner)?;
            secret::write(&path, &text, false).map_err(|error| match error {
                SecretFileError::Exists(file) => {
                    DemoError::Leftover { file, store: store.path().to_owned() }
                }
                error => DemoError::File(error),
            })?;
            written.push(path);
        }
        Ok(())
    });
    match result {
        Ok(()) => Ok(written),
        // They may be of credentials that there are.
        Err(error @ DemoError::Store(StoreError::Uncertain { .. })) => Err(error),
        Err(error) => {
            for path in written {
                // The error at hand says what went wrong; a leftover is named at the next run.
                let _ = fs::remove_file(path);
            }
            Err(error)
        }
    }
}
