//! The other end of the queue: the one thread that writes.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

use crate::entry::Members;
use crate::log::Log;
use crate::queue::Shared;
use crate::{AuditError, Config, Mode, Record};

/// Most lines that are written at once.
const BATCH: usize = 1024;

/// Most lines that the head may not know: those, one that opens a file and one that counts.
pub(crate) const MOST_UNSETTLED: u64 = BATCH as u64 + 2;

/// How long it lets lines gather after it has written some: for each time that it waits for the disk
/// takes a processor as much as many lines do. Whoever asks does not wait for it.
const REST: Duration = Duration::from_millis(20);

/// How long it waits before it tries again.
const AGAIN: Duration = Duration::from_millis(250);

/// How often counts are written, while there is something to count.
const COUNT: Duration = Duration::from_secs(1);

/// How often the log is told that the file cannot be written.
const TELL: Duration = Duration::from_secs(60);

pub(crate) struct Writer {
    config: Config,
    shared: Arc<Shared>,
    receiver: Receiver<Members>,
    /// With best effort there may be none yet.
    log: Option<Log>,
    lines: Vec<Members>,
    counted: Option<Instant>,
    told: Option<Instant>,
}

impl Writer {
    /// Opens the files.
    pub(crate) fn open(
        config: &Config,
        shared: Arc<Shared>,
        receiver: Receiver<Members>,
    ) -> Result<Self, AuditError> {
        let mut writer = Self {
            config: config.clone(),
            shared,
            receiver,
            log: None,
            lines: Vec::new(),
            counted: None,
            told: None,
        };
        match Log::open(config) {
            Ok(log) => writer.log = Some(log),
            Err(error) if error.is_of_the_system() && config.mode == Mode::BestEffort => {
                writer.trouble(&error);
            }
            Err(error) => return Err(error),
        }
        Ok(writer)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.config.file
    }

    /// Until it is told to end, or nobody is there any more.
    pub(crate) fn run(mut self) {
        while self.receive() {
            let is_full = self.lines.len() == BATCH;
            self.keep();
            if !is_full && !self.is_ending() {
                thread::park_timeout(REST);
            }
        }
        // Nobody gets a place any more. Those who have one may still be about to use it.
        self.receiver.close();
        while let Ok(line) = self.receiver.try_recv() {
            self.lines.push(line);
            if self.lines.len() == BATCH {
                self.keep();
            }
        }
        self.keep();
        // If it cannot be said, the next start says that it was not.
        if let Some(log) = &mut self.log
            && self.shared.trouble.borrow().is_none()
            && let Err(error) = log.end()
        {
            self.trouble(&error);
        }
    }

    /// Waits until there is something to write: a line, or a count that was open for long enough.
    /// `false` if it has to end, or nobody is there any more.
    fn receive(&mut self) -> bool {
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut context = Context::from_waker(&waker);
        while !self.is_ending() {
            match self.receiver.poll_recv_many(&mut context, &mut self.lines, BATCH) {
                Poll::Ready(received) => return received > 0,
                Poll::Pending => {}
            }
            match self.until_count() {
                Some(Duration::ZERO) => return true,
                Some(wait) => thread::park_timeout(wait),
                None => thread::park(),
            }
        }
        false
    }

    /// Writes what is due, as often as it takes.
    fn keep(&mut self) {
        while !self.lines.is_empty()
            || self.until_count() == Some(Duration::ZERO)
            || self.shared.trouble.borrow().is_some()
        {
            self.is_writing(true);
            let written = self.write();
            self.is_writing(false);
            match written {
                Ok(()) => {
                    self.well();
                    return;
                }
                Err(error) => self.trouble(&error),
            }
            if self.config.mode == Mode::BestEffort || self.is_ending() {
                self.lose();
                return;
            }
            thread::park_timeout(AGAIN);
        }
    }

    fn write(&mut self) -> Result<(), AuditError> {
        let counts = self.until_count().filter(Duration::is_zero).map(|_| self.counts());
        let log = match &mut self.log {
            Some(log) => log,
            None => self.log.insert(Log::open(&self.config)?),
        };
        self.lines.extend(counts.map(|counts| counts.line()));
        if !self.lines.is_empty() {
            let appended = log.append(&self.lines);
            if let Some(counts) = counts {
                self.lines.pop();
                if appended.is_ok() {
                    // Not before: what cannot be written stays counted.
                    self.shared.refused.fetch_sub(counts.refused, Ordering::Relaxed);
                    self.shared.lost.fetch_sub(counts.lost, Ordering::Relaxed);
                    self.counted = Some(Instant::now());
                }
            }
            appended?;
            self.lines.clear();
        }
        log.settle()
    }

    fn counts(&self) -> Counts {
        Counts {
            refused: self.shared.refused.load(Ordering::Relaxed),
            lost: self.shared.lost.load(Ordering::Relaxed),
        }
    }

    /// In how long something that was counted is due to be written, if anything was.
    fn until_count(&self) -> Option<Duration> {
        if self.counts() == Counts::default() {
            return None;
        }
        let since = self.counted.filter(|_| !self.is_ending()).map(|then| then.elapsed());
        Some(since.map_or(Duration::ZERO, |since| COUNT.saturating_sub(since)))
    }

    /// They are counted in the log at once, and in the file when that can be written.
    fn lose(&mut self) {
        let count = self.lines.len() as u64;
        self.lines.clear();
        if count > 0 {
            self.shared.lost.fetch_add(count, Ordering::Relaxed);
            mcp_auth::metrics::audit_lost(count);
            tracing::error!(count, "decisions are lost: the audit file cannot be written");
        }
    }

    fn trouble(&mut self, error: &AuditError) {
        let reason = error.to_string();
        if self.told.is_none_or(|then| then.elapsed() >= TELL) {
            self.told = Some(Instant::now());
            tracing::error!(reason, "the audit file cannot be written; it is tried again");
        }
        self.shared.trouble.send_replace(Some(reason));
    }

    fn well(&mut self) {
        if self.shared.trouble.borrow().is_some() {
            self.told = None;
            self.shared.trouble.send_replace(None);
            tracing::info!("the audit file can be written again");
        }
    }

    /// From when on it waits for the disk: a disk may never answer.
    fn is_writing(&self, is: bool) {
        let since = is.then(Instant::now);
        *self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn is_ending(&self) -> bool {
        self.shared.ending.load(Ordering::SeqCst)
    }
}

/// What was counted and is not written yet.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
struct Counts {
    refused: u64,
    lost: u64,
}

impl Counts {
    /// A line that says how many are not there.
    fn line(self) -> Members {
        let some = |count: u64| (count > 0).then_some(count);
        let (refused, lost) = (some(self.refused), some(self.lost));
        Members::event("unwritten", Record { refused, lost, ..Record::default() })
    }
}

/// Wakes the thread that waits for the queue.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
