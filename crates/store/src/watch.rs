//! Looks for changes that other processes make to the file.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::StoreError;
use crate::snapshot::Latest;
use crate::uses::Keeper;

/// How often the file is asked. One question costs some microseconds.
const PERIOD: Duration = Duration::from_millis(100);

/// The thread that keeps a snapshot up to date, and writes down how often keys are used, until this
/// is dropped.
pub(crate) struct Watch {
    /// Dropped first, which ends the thread.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn start(latest: Arc<Latest>, mut keeper: Keeper) -> Result<Self, StoreError> {
        let path = latest.path();
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("credential-store".to_owned())
            .spawn(move || {
                while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                    // It has said so itself, and the next look may find the file.
                    let _ = latest.refresh();
                    keeper.tick();
                }
                keeper.write();
            })
            .map_err(|source| StoreError::Io { doing: "watch", path, source })?;
        Ok(Self { alive: Some(alive), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was logged; there is nothing left to do for it.
            let _ = thread.join();
        }
    }
}
