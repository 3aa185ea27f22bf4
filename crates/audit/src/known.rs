//! How far the lines went, as heads know it: the one beside the files, and the one kept elsewhere.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::head::{Head, Presence};
use crate::key::Key;
use crate::link::Link;
use crate::{AuditError, files};

/// How often it is asked whether a server that writes now comes to write the head, and after how
/// long.
const LOOKS: usize = 50;
const MOMENT: Duration = Duration::from_millis(20);

pub(crate) struct Known<'a> {
    key: &'a Key,
    path: PathBuf,
    head: Presence,
    /// `None`: there is nowhere else to be asked.
    elsewhere: Option<Presence>,
}

impl<'a> Known<'a> {
    /// Of an audit file, before its lines are read: those that are written meanwhile are not missed.
    pub(crate) fn look(
        key: &'a Key,
        file: &Path,
        elsewhere: Option<Presence>,
    ) -> Result<Self, AuditError> {
        let path = files::head_of(file);
        Ok(Self { key, head: Head::look(key, &path)?, path, elsewhere })
    }

    /// The number of the last line.
    pub(crate) fn last(&self) -> u64 {
        self.heads().map(|(head, _)| head.link.seq).max().unwrap_or(0)
    }

    /// The number of the oldest line that is kept; 0 if nobody knows.
    pub(crate) fn first(&self) -> u64 {
        valid(self.head).map_or(0, |head| head.first)
    }

    /// Who knows another line of that number, if somebody does.
    pub(crate) fn contradicts(&self, link: Link) -> Option<&'static str> {
        let other = |(head, _): &(Head, _)| head.link.seq == link.seq && head.link != link;
        self.heads().find(other).map(|(_, who)| who)
    }

    /// Whether the head beside the files was written under another key.
    pub(crate) fn is_of_another_key(&self) -> bool {
        self.head == Presence::Invalid
    }

    /// Why it cannot be told whether something is missing.
    pub(crate) fn is_unproven(&self) -> Option<String> {
        let what = match self.head {
            Presence::Valid(_) => None,
            Presence::Absent => Some("is missing"),
            Presence::Invalid => Some("is not under this key"),
        };
        let elsewhere = match self.elsewhere {
            Some(Presence::Absent) => Some(
                "has no head of it under this key and path (a copy was written elsewhere: name the path with --written-as)",
            ),
            Some(Presence::Invalid) => Some("has a head of it that is not under this key"),
            Some(Presence::Valid(_)) | None => None,
        };
        let end =
            |what| format!("the head file {what}: whether the end was cut off cannot be told");
        let older =
            |what| format!("the store {what}: whether older files were put back cannot be told");
        what.map(end).or_else(|| elsewhere.map(older))
    }

    /// How many lines the head beside the files does not know. A server that writes tells it right
    /// afterwards.
    pub(crate) fn behind(&mut self, last: u64) -> Result<u64, AuditError> {
        let known = |head| valid(head).map_or(0, |head| head.link.seq);
        for _ in 0..LOOKS {
            if known(self.head) >= last {
                break;
            }
            thread::sleep(MOMENT);
            let head = Head::look(self.key, &self.path)?;
            self.head = valid(head).map_or(self.head, Presence::Valid);
        }
        Ok(last.saturating_sub(known(self.head)))
    }

    /// Those that there are, each with who has it.
    fn heads(&self) -> impl Iterator<Item = (Head, &'static str)> {
        let beside = valid(self.head).map(|head| (head, "head"));
        let elsewhere = self.elsewhere.and_then(valid).map(|head| (head, "store"));
        beside.into_iter().chain(elsewhere)
    }
}

fn valid(head: Presence) -> Option<Head> {
    match head {
        Presence::Valid(head) => Some(head),
        Presence::Absent | Presence::Invalid => None,
    }
}
