//! How far the lines go: in a file of its own, so that a cut-off end is missed.
//!
//! ```text
//! {"seq":812,"mac":"<of line 812>","first":1,"head":"<HMAC over all before it>"}
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::key::Key;
use crate::link::{Link, Mac};
use crate::{AuditError, files};

/// It is written in place, always with the same length, which one write does whole.
const LENGTH: usize = 256;

/// How often one that is not valid is looked at again, and after how long.
const LOOKS: usize = 10;
const MOMENT: Duration = Duration::from_millis(2);

/// So that no line passes for a head, nor a head for a line.
const DOMAIN: &[u8] = b"head";

const BEFORE_MAC: &str = ",\"head\":\"";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    /// The last line.
    pub(crate) link: Link,
    /// The number of the oldest line that is kept.
    pub(crate) first: u64,
}

/// What was found in place of a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presence {
    Absent,
    Invalid,
    Valid(Head),
}

impl Head {
    /// A line, without its end.
    pub(crate) fn text(&self, key: &Key) -> String {
        let Self { link, first } = self;
        let text = format!("{{\"seq\":{},\"mac\":\"{}\",\"first\":{first}", link.seq, link.mac);
        let mac = key.mac(DOMAIN, text.as_bytes());
        format!("{text}{BEFORE_MAC}{mac}\"}}")
    }

    pub(crate) fn parse(key: &Key, text: &str) -> Presence {
        Self::parse_valid(key, text.trim()).map_or(Presence::Invalid, Presence::Valid)
    }

    pub(crate) fn write(text: &str, file: &File) -> io::Result<()> {
        file.write_all_at(format!("{text:<width$}\n", width = LENGTH - 1).as_bytes(), 0)?;
        // Only if somebody else has written to it.
        if file.metadata()?.len() > LENGTH as u64 { file.set_len(LENGTH as u64) } else { Ok(()) }
    }

    pub(crate) fn read(key: &Key, file: &File) -> io::Result<Presence> {
        // One more than there may be.
        let mut bytes = [0; LENGTH + 1];
        let length = file.read_at(&mut bytes, 0)?;
        if length == 0 {
            return Ok(Presence::Absent);
        }
        let text = std::str::from_utf8(&bytes[..length]);
        Ok(text.map_or(Presence::Invalid, |text| Self::parse(key, text)))
    }

    /// That of an audit file, which a server may be writing in this moment.
    pub(crate) fn look(key: &Key, path: &Path) -> Result<Presence, AuditError> {
        let mut presence = Presence::Invalid;
        for _ in 0..LOOKS {
            presence = match files::open_to_read(path) {
                Ok(file) => Self::read(key, &file).map_err(AuditError::reading(path))?,
                Err(error) if error.is_absence() => return Ok(Presence::Absent),
                Err(error) => return Err(error),
            };
            if presence != Presence::Invalid {
                break;
            }
            thread::sleep(MOMENT);
        }
        Ok(presence)
    }

    fn parse_valid(key: &Key, line: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Members {
            seq: u64,
            mac: String,
            first: u64,
            head: String,
        }
        let members: Members = serde_json::from_str(line).ok()?;
        let (text, _) = line.split_once(BEFORE_MAC)?;
        let mac: Mac = members.head.parse().ok()?;
        let is_ours = key.verify(DOMAIN, text.as_bytes(), &mac);
        let link = Link { seq: members.seq, mac: members.mac.parse().ok()? };
        is_ours.then_some(Self { link, first: members.first })
    }
}
