//! Where a server's credentials lie.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use mcp_auth::shell;

use crate::{Options, time};

/// The flags of the store.
#[derive(Clone, Debug, clap::Args)]
pub struct StoreOptions {
    /// SQLite file of API keys, clients and revocations, of which it holds digests; keygen has the
    /// same flag. Built with --features postgres also postgres://USER@HOST/DATABASE, which several
    /// machines can share; its password is taken from PGPASSWORD [default: credentials.db in the
    /// keys folder]
    #[arg(long = "store", env = "MCP_STORE", hide_env_values = true, value_name = "FILE|ADDRESS")]
    pub file: Option<PathBuf>,

    /// For how long credentials that are known go on while that file cannot be read; revocations
    /// made meanwhile are not seen. All else is answered with 503, and after that time everything
    #[arg(long = "store-grace", env = "MCP_STORE_GRACE", value_name = "TIME", default_value = "60s",
          value_parser = |text: &str| time(text, Duration::ZERO..=LONGEST_GRACE))]
    pub grace: Duration,

    /// How many API keys are kept in memory, and how many clients: about a kilobyte each. Further ones
    /// are looked up when they are used; that an id does not exist is known without
    #[arg(id = "store-records", long, env = "MCP_STORE_RECORDS", value_name = "N", default_value = "1000000",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub records: usize,
}

const LONGEST_GRACE: Duration = Duration::from_secs(60 * 60);

impl Default for StoreOptions {
    fn default() -> Self {
        Self { file: None, grace: Duration::from_secs(60), records: 1_000_000 }
    }
}

impl StoreOptions {
    /// The file: the one that was named, or `name` in the keys folder.
    pub fn path(&self, common: &Options, name: &str) -> PathBuf {
        self.file.clone().unwrap_or_else(|| common.keys.join(name))
    }

    /// What has to be added to a keygen command so that it finds the same store.
    pub fn flags(&self, common: &Options) -> String {
        let keys = common.keys_flag();
        match &self.file {
            Some(file) => format!("{keys} --store {}", shell::word(&file.to_string_lossy())),
            None => keys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_finds_the_same_folder_and_store() {
        let flags = |keys: &str, file: Option<&str>| {
            let store = StoreOptions { file: file.map(PathBuf::from), ..StoreOptions::default() };
            store.flags(&Options::new(keys))
        };
        assert_eq!(flags("keys", None), "");
        assert_eq!(flags("my keys", Some("a.db")), " --keys 'my keys' --store a.db");
    }
}
