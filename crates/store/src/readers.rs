//! Who asks the database what memory does not hold.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::StoreError;
use crate::database::Database;
use crate::session::Session;

/// How many ask at once. Further ones wait for their turn.
const MOST: usize = 4;

/// Connections of their own, so that nobody waits for a change, or for all to be read again.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Database>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// No connection is made before one is needed.
    pub(crate) fn new(path: &Path) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(MOST));
        Arc::new(Self { path: path.to_owned(), idle: Mutex::default(), turns })
    }

    /// A single question.
    ///
    /// # Errors
    /// What `work` says, or the database cannot be asked.
    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (readers, turn) = (Arc::clone(self), Arc::clone(&self.turns).acquire_owned().await);
        let asked = tokio::task::spawn_blocking(move || {
            // For as long as it is asked, also when nobody waits for the answer any more.
            let _turn = turn;
            let idle = readers.idle().pop();
            let mut database = idle.map_or_else(|| Database::existing(&readers.path), Ok)?;
            let answer = database.ask(work);
            readers.idle().push(database);
            answer
        });
        asked.await.map_err(|error| StoreError::Io {
            doing: "ask",
            path: self.path.clone(),
            source: error.into(),
        })?
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Database>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
