//! Keeps a token between two commands: `<keys>/cache/<hash>.json`, for its owner alone.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use client::{Error, Url, read_secret_file, write_secret_file};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::token::Token;

/// One token's place on disk.
pub(crate) struct Cache {
    path: PathBuf,
    binding: Binding,
}

/// What a token is good for. A file that says otherwise is passed over: a token must not reach
/// a server that it was not fetched for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Binding {
    resource: String,
    token_url: String,
    client_id: String,
    scope: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct File {
    #[serde(flatten)]
    binding: Binding,
    access_token: String,
    expires_at: i64,
}

impl Cache {
    pub(crate) fn new(
        keys: &Path,
        resource: &str,
        token_url: &Url,
        account: &Account,
        scope: Option<&str>,
    ) -> Self {
        let binding = Binding {
            resource: resource.to_owned(),
            token_url: token_url.to_string(),
            client_id: account.id.clone(),
            scope: scope.map(str::to_owned),
        };
        let path = keys.join("cache").join(format!("{}.json", binding.hash(account)));
        Self { path, binding }
    }

    /// The token kept, if there is one and it was fetched for just this.
    pub(crate) fn read(&self) -> Result<Option<Token>, Error> {
        let Some(text) = read_secret_file(&self.path)? else { return Ok(None) };
        let file: Option<File> = serde_json::from_str(text.expose_secret()).ok();
        Ok(file
            .filter(|file| file.binding == self.binding)
            .map(|file| Token { secret: file.access_token.into(), expires_at: file.expires_at }))
    }

    pub(crate) fn write(&self, token: &Token) -> Result<(), Error> {
        let file = File {
            binding: self.binding.clone(),
            access_token: token.secret.expose_secret().to_owned(),
            expires_at: token.expires_at,
        };
        let text = serde_json::to_string(&file).expect("texts and a number are always JSON");
        write_secret_file(&self.path, &text)
    }

    pub(crate) fn remove(&self) -> Result<Option<String>, Error> {
        let path = self.path.display();
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(Some(format!("The token kept in {path} is removed."))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Usage(format!("Cannot remove {path}: {error}."))),
        }
    }
}

impl Binding {
    /// A file name that tells nothing and differs where anything differs, the secret too: with
    /// a wrong one, nobody should find the token of the right one.
    fn hash(&self, account: &Account) -> String {
        let mut text = serde_json::to_vec(self).expect("texts are always JSON");
        text.extend_from_slice(account.secret.expose_secret().as_bytes());
        let digest = digest(&SHA256, &text);
        digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn cache(keys: &Path, resource: &str, token_url: &str) -> Cache {
        let account = Account { id: "bob".into(), secret: "s".into() };
        Cache::new(keys, resource, &Url::parse(token_url).unwrap(), &account, None)
    }

    #[test]
    fn a_token_comes_back_to_where_it_was_fetched_for_and_nowhere_else() {
        let keys = tempfile::tempdir().unwrap();
        let own = cache(keys.path(), "http://a/mcp", "http://a/token");
        own.write(&Token { secret: "secret".into(), expires_at: 7 }).unwrap();
        let token = own.read().unwrap().unwrap();
        assert_eq!((token.secret.expose_secret(), token.expires_at), ("secret", 7));

        for (resource, token_url) in
            [("http://b/mcp", "http://a/token"), ("http://a/mcp", "http://b/token")]
        {
            let other = cache(keys.path(), resource, token_url);
            assert!(other.read().unwrap().is_none());
            // Not even if the file is put in the other's place.
            fs::copy(&own.path, &other.path).unwrap();
            assert!(other.read().unwrap().is_none());
        }
    }

    #[test]
    fn the_file_is_its_owners_alone_and_is_not_read_otherwise() {
        let keys = tempfile::tempdir().unwrap();
        let cache = cache(keys.path(), "http://a/mcp", "http://a/token");
        cache.write(&Token { secret: "secret".into(), expires_at: 7 }).unwrap();
        let mode = fs::metadata(&cache.path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        fs::set_permissions(&cache.path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(cache.read().is_err_and(|error| error.to_string().contains("chmod 600")));
    }

    #[test]
    fn what_is_forgotten_is_gone() {
        let keys = tempfile::tempdir().unwrap();
        let cache = cache(keys.path(), "http://a/mcp", "http://a/token");
        assert!(cache.remove().unwrap().is_none());
        cache.write(&Token { secret: "secret".into(), expires_at: 7 }).unwrap();
        assert!(cache.remove().unwrap().is_some());
        assert!(cache.read().unwrap().is_none());
    }
}
