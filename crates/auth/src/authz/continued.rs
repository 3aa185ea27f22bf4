//! The trace that a request says it is part of, where that stands in its body.

use std::sync::{Arc, OnceLock};

use http::request::Parts;
use serde::Deserialize;

use super::peek::Peeked;
use crate::guard::session::is_stateless;

/// Longest `tracestate` in bytes; whoever passes it on need not keep more (W3C Trace Context §3.3.1.5).
const MAX_STATE: usize = 512;

/// `params._meta.traceparent` and `tracestate` (MCP 2026-07-28), as the request has them: whether
/// they are well-formed is for the reader to judge.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct TraceContext {
    /// Names the trace and the span that this request is part of (W3C Trace Context §3.2).
    pub traceparent: String,
    /// What tracing systems add to it.
    #[serde(default)]
    pub tracestate: Option<String>,
}

/// Put into a request's extensions by whoever wants to know the trace that it continues, and
/// filled by [`Peek`](super::peek::Peek). Clones are the same. Without it nothing is read.
#[derive(Clone, Debug, Default)]
pub struct Continued(Arc<OnceLock<TraceContext>>);

impl Continued {
    /// What the body said, if it was read and said it.
    pub fn get(&self) -> Option<&TraceContext> {
        self.0.get()
    }

    /// Reads it, if anybody wants to know, of a request in a version that has it.
    pub(super) fn read(head: &Parts, body: &[u8]) {
        let Some(continued) = head.extensions.get::<Self>() else { return };
        let is_request = head.extensions.get::<Peeked>().is_some_and(|it| it.method().is_some());
        if !is_request || !is_stateless(&head.headers) {
            return;
        }
        // A member that is there twice makes it none.
        let read = serde_json::from_slice::<Request>(body).ok();
        let found = read.and_then(|request| request.params).and_then(|params| params.meta);
        if let Some(mut found) = found {
            found.tracestate = found.tracestate.filter(|state| state.len() <= MAX_STATE);
            // Each request has one body.
            let _ = continued.0.set(found);
        }
    }
}

#[derive(Deserialize)]
struct Request {
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    #[serde(rename = "_meta")]
    meta: Option<TraceContext>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(version: &str, body: &str) -> Option<TraceContext> {
        let continued = Continued::default();
        let request = http::Request::post("/mcp").header("mcp-protocol-version", version);
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        head.extensions.insert(continued.clone());
        head.extensions.insert(Peeked::of_method("tools/list"));
        Continued::read(&head, body.as_bytes());
        continued.get().cloned()
    }

    #[test]
    fn it_is_read_of_requests_that_may_have_it() {
        let body = format!(r#"{{"params":{{"_meta":{{"traceparent":"{PARENT}"}},"x":1}}}}"#);
        assert_eq!(read("2026-07-28", &body).unwrap().traceparent, PARENT);
        assert_eq!(read("2025-11-25", &body), None);
        let state = |state: &str| {
            let meta = format!(r#"{{"traceparent":"{PARENT}","tracestate":"{state}","y":2}}"#);
            read("2026-07-28", &format!(r#"{{"params":{{"_meta":{meta}}}}}"#)).unwrap().tracestate
        };
        assert_eq!(state("a=1").as_deref(), Some("a=1"));
        assert_eq!(state(&"a".repeat(MAX_STATE + 1)), None);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        for meta in [
            format!(r#"{{"traceparent":"{PARENT}","traceparent":"{PARENT}"}}"#),
            r#"{"traceparent":1}"#.to_owned(),
            r#"{}"#.to_owned(),
            r#"[]"#.to_owned(),
        ] {
            assert_eq!(read("2026-07-28", &format!(r#"{{"params":{{"_meta":{meta}}}}}"#)), None);
        }
        assert_eq!(read("2026-07-28", "[]"), None);
    }
}
