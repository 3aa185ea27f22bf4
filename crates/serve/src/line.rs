//! Lines of the log that do not grow with what a stranger sends.
//!
//! What this workspace logs of a request is cut where it is made. Libraries below it quote whole
//! messages in their own words, so that one caller could fill a disk.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::LogFormat;

/// Most bytes of one line. A refusal takes some 300.
const LONGEST: usize = 8 * 1024;
/// Most bytes of one value in a line that was too long.
const LONGEST_VALUE: usize = 512;

/// Writes each event to `W`, shortened if it is too long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<M> {
    pub(crate) to: M,
    pub(crate) format: LogFormat,
}

/// The writer of one event, which comes in one piece.
pub(crate) struct Line<W> {
    to: W,
    format: LogFormat,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Lines<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { to: self.to.make_writer(), format: self.format }
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.to.write_all(&shortened(event, self.format))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn shortened(event: &[u8], format: LogFormat) -> Cow<'_, [u8]> {
    if event.len() <= LONGEST {
        return Cow::Borrowed(event);
    }
    let left_out = format!("… ({} bytes in all)\n", event.len());
    let object = match format {
        LogFormat::Json => serde_json::from_slice(event).ok(),
        LogFormat::Text => None,
    };
    let object = object.map(|mut object| {
        cut(&mut object);
        format!("{object}\n").into_bytes()
    });
    match object.filter(|line| line.len() <= LONGEST) {
        Some(line) => Cow::Owned(line),
        None => {
            let text = String::from_utf8_lossy(&event[..LONGEST - left_out.len()]);
            Cow::Owned(format!("{text}{left_out}").into_bytes())
        }
    }
}

/// Cuts each long text in it.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > LONGEST_VALUE => {
            let all = text.len();
            text.truncate(text.floor_char_boundary(LONGEST_VALUE));
            text.push_str(&format!("… ({all} bytes in all)"));
        }
        Value::Array(values) => values.iter_mut().for_each(cut),
        Value::Object(members) => members.values_mut().for_each(cut),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: LogFormat, event: &str) -> String {
        let mut to = Vec::new();
        Line { to: &mut to, format }.write_all(event.as_bytes()).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn a_usual_line_stays_as_it_is() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(written(format, "{\"a\":1}\n"), "{\"a\":1}\n");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_stays_a_line() {
        for letter in ["x", "ä"] {
            let long = letter.repeat(4_000_000);
            let text = written(LogFormat::Text, &format!("WARN {long}\n"));
            assert!(text.len() <= LONGEST + 3 && text.starts_with("WARN "), "{} bytes", text.len());
            assert!(text.ends_with("bytes in all)\n"));
            let line = format!("{{\"level\":\"WARN\",\"message\":\"{long}\",\"n\":1}}\n");
            let json = written(LogFormat::Json, &line);
            assert!(json.len() <= LONGEST, "{} bytes", json.len());
            let json: Value = serde_json::from_str(&json).unwrap();
            assert_eq!((&json["level"], &json["n"]), (&"WARN".into(), &1.into()));
        }
    }
}
