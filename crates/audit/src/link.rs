//! How one line is bound to the one before.

use std::fmt;

use crate::key::Key;

const BEFORE_MAC: &str = ",\"mac\":\"";
const AFTER_MAC: &str = "\"}";
const MAC_LENGTH: usize = 64;

/// An HMAC-SHA-256. In files it is hexadecimal: in base64 it could look like a token to whoever
/// searches files for them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mac([u8; 32]);

/// A line, as the next one sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Link {
    pub(crate) seq: u64,
    pub(crate) mac: Mac,
}

impl Link {
    /// Before the first line.
    pub(crate) const START: Self = Self { seq: 0, mac: Mac([0; 32]) };

    /// Makes the next line of these members, with its end, and moves on to it.
    ///
    /// `members` is JSON without the braces around it.
    pub(crate) fn seal(&mut self, key: &Key, members: &str, into: &mut Vec<u8>) {
        let start = into.len();
        self.seq += 1;
        into.extend_from_slice(format!("{{\"seq\":{},{members}", self.seq).as_bytes());
        self.mac = key.mac(self.mac.as_ref(), &into[start..]);
        into.extend_from_slice(format!("{BEFORE_MAC}{}{AFTER_MAC}\n", self.mac).as_bytes());
    }

    /// Whether a line that says it is `seq` is the next one, and moves on to it if so.
    pub(crate) fn follow(&mut self, key: &Key, seq: u64, line: &[u8]) -> bool {
        let Some((text, mac)) = split(line) else { return false };
        if seq != self.seq + 1 || !key.verify(self.mac.as_ref(), text, &mac) {
            return false;
        }
        *self = Self { seq, mac };
        true
    }
}

/// A line without its end, in what is under the MAC and the MAC.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], Mac)> {
    let line = line.strip_suffix(AFTER_MAC.as_bytes())?;
    let (text, mac) = line.split_at_checked(line.len().checked_sub(MAC_LENGTH)?)?;
    let text = text.strip_suffix(BEFORE_MAC.as_bytes())?;
    Some((text, std::str::from_utf8(mac).ok()?.parse().ok()?))
}

impl Mac {
    pub(crate) fn from_tag(tag: &[u8]) -> Self {
        Self(tag.try_into().expect("an HMAC-SHA-256 has 32 bytes"))
    }
}

impl AsRef<[u8]> for Mac {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl std::str::FromStr for Mac {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(()) };
        let pairs: &[[u8; 2]; 32] = pairs.try_into().map_err(drop)?;
        let mut mac = [0; 32];
        for (byte, [high, low]) in mac.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(mac))
    }
}

/// Two small letters or digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn digit(byte: u8) -> Result<u8, ()> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(()),
    }
}
