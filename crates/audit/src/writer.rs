//! The other end of the queue: the one thread that writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

use crate::entry::Members;
use crate::log::Log;
use crate::queue::{Item, Shared};
use crate::{AuditError, Config, Mode, Record};

/// Most lines that are written at once.
const BATCH: usize = 1024;

/// How long it waits before it tries again.
const AGAIN: Duration = Duration::from_millis(250);

/// How often counts are written, while there is something to count.
const COUNT: Duration = Duration::from_secs(1);

/// How often the log is told that the file cannot be written.
const TELL: Duration = Duration::from_secs(60);

pub(crate) struct Writer {
    config: Config,
    shared: Arc<Shared>,
    receiver: Receiver<Item>,
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
        receiver: Receiver<Item>,
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
            Err(error @ AuditError::Io { .. }) if config.mode == Mode::BestEffort => {
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
        let mut items = Vec::new();
        while !self.is_ending() && self.receiver.blocking_recv_many(&mut items, BATCH) > 0 {
            self.take(&mut items);
        }
        // Nobody gets a place any more. Those who have one may still be about to use it.
        self.receiver.close();
        while let Ok(item) = self.receiver.try_recv() {
            items.push(item);
        }
        self.take(&mut items);
    }

    fn take(&mut self, items: &mut Vec<Item>) {
        self.lines.extend(items.drain(..).filter_map(|item| match item {
            Item::Line(line) => Some(line),
            Item::Wake => None,
        }));
        self.count();
        while !self.lines.is_empty() || self.shared.trouble.borrow().is_some() {
            match self.write() {
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
            std::thread::park_timeout(AGAIN);
        }
    }

    fn write(&mut self) -> Result<(), AuditError> {
        let log = match &mut self.log {
            Some(log) => log,
            None => self.log.insert(Log::open(&self.config)?),
        };
        if !self.lines.is_empty() {
            log.append(&self.lines)?;
            self.lines.clear();
        }
        log.settle()
    }

    /// Adds a line that says how many are not there.
    fn count(&mut self) {
        let is_due = self.counted.is_none_or(|then| then.elapsed() >= COUNT);
        if !is_due && !self.is_ending() {
            return;
        }
        let some = |count: u64| (count > 0).then_some(count);
        let refused = some(self.shared.refused.swap(0, Ordering::Relaxed));
        let lost = some(self.shared.lost.swap(0, Ordering::Relaxed));
        if refused.is_some() || lost.is_some() {
            self.counted = Some(Instant::now());
            let record = Record { refused, lost, ..Record::default() };
            self.lines.push(Members::event("unwritten", record));
        }
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

    fn is_ending(&self) -> bool {
        self.shared.ending.load(Ordering::SeqCst)
    }
}
