//! Looks for changes that other processes make to the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use crate::snapshot::Latest;
use crate::{StoreError, file};

/// How often the file is asked. One question costs some microseconds.
const PERIOD: Duration = Duration::from_millis(100);

/// The thread that keeps a snapshot up to date until this is dropped.
pub(crate) struct Watch {
    /// Dropped first, which ends the thread.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Fills `latest` and keeps it filled.
    pub(crate) fn start(path: &Path, latest: Arc<Latest>) -> Result<Self, StoreError> {
        let mut watched =
            Watched { path: path.to_owned(), connection: file::open(path)?, seen: None };
        watched.look(&latest)?;
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("credential-store".to_owned())
            .spawn(move || {
                let mut failing = false;
                while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                    failing = watched.look_and_tell(&latest, failing);
                }
            })
            .map_err(|source| StoreError::Io { doing: "watch", path: path.to_owned(), source })?;
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

struct Watched {
    path: PathBuf,
    connection: Connection,
    /// `None`: what is in memory may be old.
    seen: Option<i64>,
}

impl Watched {
    fn look(&mut self, latest: &Latest) -> Result<(), StoreError> {
        // Only commits of other connections change it. Asked before the file is read: what
        // comes between the two is then found at the next look.
        let version = self
            .connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .map_err(file::failed("read", &self.path))?;
        if self.seen != Some(version) {
            self.seen = None;
            latest.reload(&self.connection, &self.path)?;
            self.seen = Some(version);
        }
        Ok(())
    }

    /// Says once that it fails, and once that it works again.
    fn look_and_tell(&mut self, latest: &Latest, failing: bool) -> bool {
        match self.look(latest) {
            Ok(()) => {
                if failing {
                    tracing::info!("the credential store can be read again");
                }
                false
            }
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "cannot read the credential store; the last state stays");
                }
                true
            }
        }
    }
}
