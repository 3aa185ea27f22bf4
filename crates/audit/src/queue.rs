//! The end of the queue at which requests are: it never waits for the disk.

use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use mcp_auth::audit::{Auditor, Decision, Place, Placing};
use mcp_auth::{Rejection, metrics};
use tokio::sync::mpsc::{self, OwnedPermit, Receiver, Sender};
use tokio::sync::watch;

use crate::entry::Members;
use crate::writer::Writer;
use crate::{AuditError, Config, Mode};

/// Most decisions that wait to be written, and requests that have a place.
const QUEUE: usize = 8192;

/// How many refusals of strangers are written one by one in a second, and how many at once. Who
/// sends more does not fill the disk with them, nor push other lines out of the last file.
const STRANGERS: (u32, u32) = (10, 1000);

/// When whoever was refused because nothing can be written may ask again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long one write may take before it is said that nothing can be written, and how often those
/// who wait ask.
const STALLED: Duration = Duration::from_secs(5);
const ASK: Duration = Duration::from_secs(1);

/// How long the writer may take for what is left at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a server tells its decisions. Clones are the same.
#[derive(Clone)]
pub struct AuditFile(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    sender: Sender<Members>,
    strangers: DefaultDirectRateLimiter,
    mode: Mode,
    arguments: bool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What both ends of the queue know.
pub(crate) struct Shared {
    /// Refusals of strangers that are counted and not written.
    pub(crate) refused: AtomicU64,
    /// Decisions that were lost.
    pub(crate) lost: AtomicU64,
    pub(crate) ending: AtomicBool,
    /// Since when the writer has been waiting for the disk.
    pub(crate) writing: Mutex<Option<Instant>>,
    /// Why nothing can be written, if so.
    pub(crate) trouble: watch::Sender<Option<String>>,
}

impl AuditFile {
    /// Opens the files, goes on with the chain, and starts the thread that writes.
    ///
    /// # Errors
    /// One sentence that names what is wrong and what mends it. [`Mode::BestEffort`] starts all
    /// the same where the file system said no, and tries again.
    pub fn open(config: &Config) -> Result<Self, AuditError> {
        let (file, receiver) = Self::queue(config, QUEUE);
        let writer = Writer::open(config, Arc::clone(&file.0.shared), receiver)?;
        file.start(writer)?;
        // With best effort too, which is ready whatever happens.
        metrics::watch(&file.0, |handle, gauges| {
            let is_well = handle.why_not().is_none();
            gauges.least(metrics::AUDIT_READY, None, if is_well { 1.0 } else { 0.0 });
        });
        Ok(file)
    }

    pub(crate) fn queue(config: &Config, length: usize) -> (Self, Receiver<Members>) {
        let (sender, receiver) = mpsc::channel(length);
        let (each, at_once) = STRANGERS;
        let number = |number: u32| number.try_into().expect("the constants are not zero");
        let quota = Quota::per_second(number(each)).allow_burst(number(at_once));
        let shared = Arc::new(Shared {
            refused: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            ending: AtomicBool::new(false),
            writing: Mutex::new(None),
            trouble: watch::Sender::new(None),
        });
        let handle = Handle {
            shared,
            sender,
            strangers: RateLimiter::direct(quota),
            mode: config.mode,
            arguments: config.arguments,
            thread: Mutex::new(None),
        };
        (Self(Arc::new(handle)), receiver)
    }

    pub(crate) fn start(&self, writer: Writer) -> Result<(), AuditError> {
        let path = writer.path().to_owned();
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let thread = thread.spawn(move || writer.run()).map_err(AuditError::writing(&path))?;
        *self.0.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Writes what is in the queue, and ends the thread. It waits for that: five seconds at most.
    /// What is decided afterwards is lost.
    pub fn close(&self) {
        self.0.end();
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let end = Instant::now() + PATIENCE;
        while !thread.is_finished() && Instant::now() < end {
            thread.thread().unpark();
            std::thread::sleep(Duration::from_millis(2));
        }
        if !thread.is_finished() {
            tracing::error!("the audit file takes too long: what is left is lost");
        }
    }
}

impl std::fmt::Debug for AuditFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditFile")
    }
}

impl Handle {
    fn end(&self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Why nothing can be written, if so.
    fn why_not(&self) -> Option<String> {
        if self.sender.is_closed() {
            return Some("the thread that writes the audit file has ended".to_owned());
        }
        let trouble = self.shared.trouble.borrow().clone();
        trouble.or_else(|| {
            let writing = *self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let took = writing.map(|since| since.elapsed()).filter(|took| *took >= STALLED)?;
            Some(format!("the audit file has been written for {} seconds", took.as_secs()))
        })
    }

    /// Waits until nothing can be written. Why.
    async fn trouble(&self) -> String {
        let mut trouble = self.shared.trouble.subscribe();
        loop {
            if let Some(reason) = self.why_not() {
                return reason;
            }
            tokio::select! {
                _ = trouble.changed() => {}
                () = tokio::time::sleep(ASK) => {}
            }
        }
    }

    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.thread().unpark();
        }
    }

    fn line(&self, decision: &Decision<'_>) -> Members {
        Members::of(decision, self.arguments)
    }

    /// Whoever counts first wakes the writer, which writes it a second later at most.
    fn count_refusal(&self) {
        if self.shared.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            self.wake();
        }
    }

    fn lose_one(&self) {
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
        metrics::audit_lost(1);
    }

    /// Half of the queue is for known callers alone.
    fn has_room_for_strangers(&self) -> bool {
        self.sender.capacity() > self.sender.max_capacity() / 2 && self.strangers.check().is_ok()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

impl Auditor for AuditFile {
    /// A stranger was refused; or a known caller gave up before it had a place.
    fn decided(&self, decision: &Decision<'_>) {
        let handle = &*self.0;
        if decision.user.is_some() {
            if handle.sender.try_send(handle.line(decision)).is_err() {
                handle.lose_one();
            }
            return;
        }
        if !handle.has_room_for_strangers()
            || handle.sender.try_send(handle.line(decision)).is_err()
        {
            handle.count_refusal();
        }
    }

    fn place(&self) -> Option<Placing> {
        let file = self.clone();
        let sender = file.0.sender.clone();
        let taken = |file, permit| Box::new(Taken { file, permit }) as Box<dyn Place>;
        let sender = match sender.try_reserve_owned() {
            Ok(permit) => return Some(Box::pin(ready(Ok(taken(file, Some(permit)))))),
            Err(error) => error.into_inner(),
        };
        if self.0.mode == Mode::BestEffort {
            return Some(Box::pin(ready(Ok(taken(file, None)))));
        }
        Some(Box::pin(async move {
            let handle = Arc::clone(&file.0);
            tokio::select! {
                permit = sender.reserve_owned() => match permit {
                    Ok(permit) => Ok(taken(file, Some(permit))),
                    Err(_) => Err(Rejection::unaudited(AGAIN, "the audit file is closed")),
                },
                reason = handle.trouble() => Err(Rejection::unaudited(AGAIN, reason)),
            }
        }))
    }

    fn ready(&self) -> Result<(), Rejection> {
        match self.0.why_not() {
            Some(reason) if self.0.mode == Mode::Required => {
                Err(Rejection::unaudited(AGAIN, reason))
            }
            _ => Ok(()),
        }
    }
}

/// A place in the queue; or none, with best effort and a queue that is full.
struct Taken {
    file: AuditFile,
    permit: Option<OwnedPermit<Members>>,
}

impl Place for Taken {
    fn decided(self: Box<Self>, decision: &Decision<'_>) {
        let Self { file, permit } = *self;
        match permit {
            Some(permit) => drop(permit.send(file.0.line(decision))),
            None => file.0.lose_one(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Record, read, verify};
    use mcp_auth::audit::Outcome;

    fn decision(user: Option<&str>) -> Decision<'_> {
        let mut decision = Decision::new(Outcome::Refused);
        decision.user = user;
        decision
    }

    /// A place, if it has not to be waited for.
    async fn at_once(placing: &mut Placing) -> Option<Box<dyn Place>> {
        tokio::select! {
            biased;
            place = placing => Some(place.unwrap()),
            () = ready(()) => None,
        }
    }

    fn records(config: &Config) -> Vec<Record> {
        let mut records = Vec::new();
        read(&config.file, |record| {
            records.push(record.unwrap());
            true
        })
        .unwrap();
        records
    }

    #[tokio::test]
    async fn where_the_queue_is_full_known_callers_wait_and_strangers_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().join("audit.log"), folder.path().join("audit.key"));
        let (file, receiver) = AuditFile::queue(&config, 4);
        let writer = Writer::open(&config, Arc::clone(&file.0.shared), receiver).unwrap();
        for _ in 0..5 {
            file.decided(&decision(None));
        }
        // Strangers have half of it.
        let first = at_once(&mut file.place().unwrap()).await.expect("there is room");
        let unused = at_once(&mut file.place().unwrap()).await.expect("there is room");
        let mut waiting = file.place().unwrap();
        assert!(at_once(&mut waiting).await.is_none(), "there is no room");
        first.decided(&decision(Some("bob")));
        // Nothing has been lost yet, and as soon as it is written there is room.
        file.start(writer).unwrap();
        waiting.await.unwrap().decided(&decision(Some("alice")));
        drop(unused);
        tokio::task::spawn_blocking(move || file.close()).await.unwrap();

        let records = records(&config);
        let refused: u64 = records.iter().filter_map(|record| record.refused).sum();
        let written = records.iter().filter(|record| record.decision.is_some()).count() as u64;
        assert_eq!((refused, written), (3, 2 + 2));
        let users: Vec<_> = records.iter().filter_map(|record| record.user.as_deref()).collect();
        assert_eq!(users, ["bob", "alice"]);
        let report = verify(&config.file, &config.key, None).unwrap();
        assert!(report.damage.is_none() && report.notes.len() == 1, "{report:?}");
    }

    #[test]
    fn who_is_known_and_gave_up_before_it_had_a_place_is_no_stranger() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().join("audit.log"), folder.path().join("audit.key"));
        let (file, mut receiver) = AuditFile::queue(&config, 1);
        for _ in 0..2 {
            file.decided(&decision(Some("bob")));
        }
        let counts = [&file.0.shared.lost, &file.0.shared.refused];
        assert_eq!(counts.map(|count| count.load(Ordering::Relaxed)), [1, 0]);
        assert!(receiver.try_recv().is_ok());
    }

    #[tokio::test]
    async fn without_a_thread_that_writes_nothing_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().join("audit.log"), folder.path().join("audit.key"));
        let (file, receiver) = AuditFile::queue(&config, 4);
        assert!(file.ready().is_ok());
        drop(receiver);
        assert_eq!(file.ready().unwrap_err().status(), 503);
        assert!(file.place().unwrap().await.is_err());
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_noticed_by_those_who_wait_and_those_who_ask() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().join("audit.log"), folder.path().join("audit.key"));
        let (file, _receiver) = AuditFile::queue(&config, 1);
        let _held = at_once(&mut file.place().unwrap()).await.expect("there is room");
        let since = |ago| *file.0.shared.writing.lock().unwrap() = Instant::now().checked_sub(ago);
        since(STALLED / 2);
        assert!(file.ready().is_ok());
        let mut waiting = file.place().unwrap();
        assert!(at_once(&mut waiting).await.is_none(), "there is no room");
        since(STALLED);
        assert_eq!(file.ready().unwrap_err().status(), 503);
        assert_eq!(waiting.await.err().unwrap().status(), 503);
    }

    #[tokio::test]
    async fn with_best_effort_nobody_waits_and_what_is_lost_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut config =
            Config::new(folder.path().join("audit.log"), folder.path().join("audit.key"));
        config.mode = Mode::BestEffort;
        let (file, receiver) = AuditFile::queue(&config, 2);
        let writer = Writer::open(&config, Arc::clone(&file.0.shared), receiver).unwrap();
        for _ in 0..5 {
            file.place().unwrap().await.unwrap().decided(&decision(Some("bob")));
        }
        file.start(writer).unwrap();
        tokio::task::spawn_blocking(move || file.close()).await.unwrap();
        let records = records(&config);
        assert_eq!(records.iter().filter_map(|record| record.lost).sum::<u64>(), 3);
        assert_eq!(records.iter().filter(|record| record.user.is_some()).count(), 2);
    }
}
