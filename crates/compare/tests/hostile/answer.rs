//! What came back over a socket.

use serde_json::Value;

/// What came back before the connection was closed.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// 0 if nothing came back.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The secrets that were sent in headers.
    pub(crate) presented: Vec<String>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8], presented: Vec<String>) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut answer = Self {
            status: status.unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
            presented,
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = joined(&answer.body);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.head.lines().skip(1).filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON, or the last event of a stream that is JSON; `Null` if it is neither.
    pub(crate) fn json(&self) -> Value {
        if let Ok(value) = serde_json::from_str(&self.body) {
            return value;
        }
        let events = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        events.filter_map(|event| serde_json::from_str(event).ok()).next_back().unwrap_or_default()
    }

    /// Head and body without what differs between any two answers.
    pub(crate) fn without_trace(&self) -> String {
        let trace = self.header("x-request-id").unwrap_or("no trace id");
        let head = self.head.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
        let text = format!("{}\n\n{}", head.collect::<Vec<_>>().join("\n"), self.body);
        text.replace(trace, "TRACE")
    }

    /// All of it, as it is judged.
    pub(crate) fn whole(&self) -> String {
        format!("{}\n\n{}", self.head, self.body)
    }
}

/// A body without the lengths of its chunks (RFC 9112 §7.1).
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let Ok(length) = usize::from_str_radix(length.trim(), 16) else { break };
        let Some(chunk) = rest.get(..length) else {
            body.push_str(rest);
            break;
        };
        body.push_str(chunk);
        chunks = rest.get(length + 2..).unwrap_or_default();
    }
    body
}
