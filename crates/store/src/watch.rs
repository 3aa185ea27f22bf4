//! What is done again and again for as long as a store is open.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::StoreError;

/// A thread that does one thing again and again, until this is dropped.
pub(crate) struct Watch {
    /// Dropped first, which ends the thread.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn start(
        store: &Path,
        name: &str,
        period: Duration,
        work: impl Fn() + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            while ended.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                work();
            }
        });
        let failed = |source| StoreError::Io { doing: "watch", path: store.to_owned(), source };
        Ok(Self { alive: Some(alive), thread: Some(thread.map_err(failed)?) })
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
