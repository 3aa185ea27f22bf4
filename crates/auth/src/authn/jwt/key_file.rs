//! Files of keys: one key, or several of which each takes over from the one before.
//!
//! ```text
//! Verify-Until: 2026-11-27T03:00:10Z
//! hX0…                                  a secret in base64url on one line, or a key in PEM
//!
//! Sign-From: 2026-11-26T03:00:10Z
//! 4tQ…
//! ```
//!
//! What stands before a key is about that key. Without `Sign-From` it signs from the start, without
//! `Verify-Until` it verifies for as long as it is there. Lines that begin with `#` say nothing.
//! A file with one key and nothing about it is as old as the format.

use jiff::Timestamp;

use super::KeyError;

/// One key of a file, and what is said about it.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The secret, or the PEM with its first and last line. It may be anything else too: whoever
    /// reads it as a key will see.
    pub text: &'a str,
    /// From when on it signs, if not from the start.
    pub sign_from: Option<Timestamp>,
    /// When it stops to verify, if that is known.
    pub verify_until: Option<Timestamp>,
    /// On which line the key begins; `None` in a file with nothing else.
    pub line: Option<usize>,
}

/// Why a file of keys was not read. The text never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// One of its keys cannot be used.
    #[error("{}{source}", place(.line))]
    Key {
        /// Where it begins, if there are others.
        line: Option<usize>,
        /// What is wrong with it.
        source: KeyError,
    },
    /// Something that is no key.
    #[error("line {line}: {what}")]
    Line {
        /// Its number.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The name of a line that says when a key begins to sign.
pub const SIGN_FROM: &str = "Sign-From";
/// The name of a line that says when a key stops to verify.
pub const VERIFY_UNTIL: &str = "Verify-Until";

const NO_MOMENT: &str = "it needs a moment such as 2030-01-01T00:00:00Z";

/// The keys of a file, in their order.
///
/// # Errors
/// A line is about a key and cannot be understood, or no key follows it.
pub fn entries(text: &str) -> Result<Vec<Entry<'_>>, KeyFileError> {
    if is_one_key(text) {
        return Ok(vec![Entry::only(text)]);
    }
    let mut entries = Vec::new();
    let mut about = About::default();
    let mut pem = None;
    let mut end = 0;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let (number, start) = (index + 1, end);
        end += whole.len();
        let line = whole.trim();
        let refused = |what| Err(KeyFileError::Line { line: number, what });
        if let Some((begin, first)) = pem {
            if line.starts_with(BEGIN) {
                return refused("another key begins before the one above has ended");
            }
            if line.starts_with("-----END ") {
                entries.push(about.take().entry(&text[begin..end], first));
                pem = None;
            }
        } else if line.starts_with(BEGIN) {
            pem = Some((start, number));
        } else if let Some((name, moment)) = line.split_once(':') {
            let place = match name {
                SIGN_FROM => &mut about.sign_from,
                VERIFY_UNTIL => &mut about.verify_until,
                _ => return refused("expected Sign-From, Verify-Until, or a key"),
            };
            let Ok(moment) = moment.trim().parse() else { return refused(NO_MOMENT) };
            if place.replace(moment).is_some() {
                return refused("it says the same thing about one key twice");
            }
            about.line = Some(number);
        } else if !line.is_empty() && !line.starts_with('#') {
            entries.push(about.take().entry(line, number));
        }
    }
    match (pem, about.line) {
        (Some((_, line)), _) => Err(KeyFileError::Line { line, what: "this key does not end" }),
        (None, Some(line)) => {
            Err(KeyFileError::Line { line, what: "no key follows that this would be about" })
        }
        (None, None) if entries.is_empty() => Ok(vec![Entry::only(text)]),
        (None, None) => Ok(entries),
    }
}

const BEGIN: &str = "-----BEGIN ";

/// PEM may stand among other text (RFC 7468 §2), which is not looked at where there is one key.
fn is_one_key(text: &str) -> bool {
    let about = |line: &str| {
        let name = line.split(':').next().unwrap_or_default().trim();
        [SIGN_FROM, VERIFY_UNTIL].iter().any(|about| name.eq_ignore_ascii_case(about))
    };
    let keys = text.matches(BEGIN).count();
    let lines = text.trim().lines().count();
    !text.lines().any(about) && (keys == 1 || keys == 0 && lines <= 1)
}

/// What was said about the key that comes next.
#[derive(Default)]
struct About {
    sign_from: Option<Timestamp>,
    verify_until: Option<Timestamp>,
    line: Option<usize>,
}

impl About {
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn entry(self, text: &str, line: usize) -> Entry<'_> {
        let Self { sign_from, verify_until, .. } = self;
        Entry { text, sign_from, verify_until, line: Some(line) }
    }
}

impl<'a> Entry<'a> {
    fn only(text: &'a str) -> Self {
        Self { text, sign_from: None, verify_until: None, line: None }
    }

    pub(super) fn refused(&self, source: KeyError) -> KeyFileError {
        KeyFileError::Key { line: self.line, source }
    }
}

fn place(line: &Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(file: &str) -> Vec<&str> {
        entries(file).unwrap().into_iter().map(|entry| entry.text).collect()
    }

    #[test]
    fn one_key_is_a_file_as_it_always_was() {
        for text in [
            "abc",
            "abc\n",
            "",
            "# a\n# b",
            "Bag\n x: y\n-----BEGIN K-----\nabc\n-----END K-----\n",
        ] {
            let entry = entries(text).unwrap()[0];
            assert_eq!((entry.text, entry.line), (text, None));
            assert_eq!((entry.sign_from, entry.verify_until), (None, None));
        }
    }

    #[test]
    fn each_key_has_what_stands_before_it() {
        let pem = "-----BEGIN K-----\nabc: d\n-----END K-----\n";
        let file = format!(
            "# old\nVerify-Until: 2030-01-02T00:00:00Z\n{pem}\r\n\
             Sign-From:2030-01-01T00:00:00Z\r\n{pem}"
        );
        let [old, new] = entries(&file).unwrap().try_into().ok().unwrap();
        assert_eq!((old.text, new.text), (pem, pem));
        let moment = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        assert_eq!((old.sign_from, old.verify_until), (None, moment("2030-01-02T00:00:00Z")));
        assert_eq!((new.sign_from, new.verify_until), (moment("2030-01-01T00:00:00Z"), None));
        assert_eq!((old.line, new.line), (Some(3), Some(8)));
        assert_eq!(texts("abc\n\n def \n"), ["abc", "def"]);
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_line_and_not_repeated() {
        for (file, line) in [
            ("a\nVerify-Until: soon\nb", 2),
            ("Verify-Until: 2030-01-01\nb", 1),
            ("Sign-from: 2030-01-01T00:00:00Z\na\nb", 1),
            ("a\nSign-From: 2030-01-01T00:00:00Z\n", 2),
            ("Sign-From: 2030-01-01T00:00:00Z\nSign-From: 2030-01-01T00:00:00Z\na", 2),
            ("Sign-From: 2030-01-01T00:00:00Z\n-----BEGIN K-----\nabc\n", 2),
            ("-----BEGIN K-----\nabc\n-----BEGIN K-----\nabc\n-----END K-----\n", 3),
            ("a\nhunter2: b\n", 2),
            ("verify-until: 2030-01-01T00:00:00Z\n-----BEGIN K-----\nabc\n-----END K-----\n", 1),
        ] {
            let error = entries(file).err().expect(file).to_string();
            assert!(error.starts_with(&format!("line {line}: ")), "{file}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("soon"), "{error}");
        }
    }
}
