//! All that the file says, in memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use mcp_auth::authn::apikey::{KeyId, KeyRecord};
use mcp_auth::authn::client::ClientRecord;
use rusqlite::Connection;

use crate::{StoreError, clients, file, keys};

/// One moment of the file.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) keys: HashMap<KeyId, Arc<KeyRecord>>,
    pub(crate) clients: HashMap<String, Arc<ClientRecord>>,
}

/// The latest snapshot, read by every request and replaced whole.
#[derive(Default)]
pub(crate) struct Latest {
    snapshot: ArcSwap<Snapshot>,
    /// Held from reading the file to replacing the snapshot, so that an older reading
    /// cannot follow a newer one.
    replacing: Mutex<()>,
}

impl Latest {
    pub(crate) fn get(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Reads the file again. After an error the old snapshot stays.
    pub(crate) fn reload(&self, connection: &Connection, path: &Path) -> Result<(), StoreError> {
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        self.snapshot.store(Arc::new(Snapshot::read(connection, path)?));
        Ok(())
    }
}

impl Snapshot {
    fn read(connection: &Connection, path: &Path) -> Result<Self, StoreError> {
        // One transaction: keys and clients of the same moment.
        let moment = connection.unchecked_transaction().map_err(file::failed("read", path))?;
        let keys = keys::all(&moment, path)?;
        let clients = clients::all(&moment, path)?;
        Ok(Self {
            keys: keys
                .into_iter()
                .map(|(key, digest)| (key.id, Arc::new(keys::record(key, digest))))
                .collect(),
            clients: clients
                .into_iter()
                .map(|(client, digest)| {
                    (client.id.clone(), Arc::new(clients::record(client, digest)))
                })
                .collect(),
        })
    }
}
