//! What is done again and again for as long as a store is open.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::StoreError;

/// However often it rings, nothing is done again sooner than that.
const REST: Duration = Duration::from_millis(10);

/// A thread that does one thing again and again, until this is dropped.
pub(crate) struct Watch {
    bell: Bell,
    thread: Option<JoinHandle<()>>,
}

/// Lets a watch do its work now, and not only when its time has come. Clones ring the same.
#[derive(Clone)]
pub(crate) struct Bell(Sender<Ring>);

/// What a bell is heard by.
pub(crate) struct Ear(Receiver<Ring>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ring {
    Work,
    End,
}

/// A bell for a watch that is to be started.
pub(crate) fn bell() -> (Bell, Ear) {
    let (bell, ear) = mpsc::channel();
    (Bell(bell), Ear(ear))
}

impl Bell {
    pub(crate) fn ring(&self) {
        // Nobody hears it any more where this fails.
        let _ = self.0.send(Ring::Work);
    }
}

impl Ear {
    /// Whether to go on, once it is time to.
    fn wait(&self, period: Duration) -> bool {
        match self.0.recv_timeout(period) {
            // However often it rang, once is enough.
            Ok(Ring::Work) => self.0.try_iter().all(|ring| ring == Ring::Work),
            Ok(Ring::End) | Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => true,
        }
    }
}

impl Watch {
    pub(crate) fn start(
        store: &Path,
        name: &str,
        (bell, ear): (Bell, Ear),
        period: Duration,
        work: impl Fn() + Send + 'static,
    ) -> Result<Self, StoreError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            while ear.wait(period) {
                work();
                thread::sleep(REST);
            }
        });
        let failed = |source| StoreError::Io { doing: "watch", path: store.to_owned(), source };
        Ok(Self { bell, thread: Some(thread.map_err(failed)?) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It has ended already where this fails.
        let _ = self.bell.0.send(Ring::End);
        if let Some(thread) = self.thread.take() {
            // A panic in there was logged; there is nothing left to do for it.
            let _ = thread.join();
        }
    }
}
