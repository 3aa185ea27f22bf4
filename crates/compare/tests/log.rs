//! T21: the log at its most talkative holds no secret, over all situations and the whole
//! hostile table.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod secrets;
#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/table.rs"]
mod table;

use std::io;
use std::sync::{Arc, Mutex};

use compare::World;
use secrets::FORMS;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_at_trace_level_holds_no_secret() {
    let memory = Memory::default();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(memory.clone())
        .init();

    let world = World::start().await.unwrap();
    let secrets = secrets::drive(&world).await;
    world.stop().await;

    let log = memory.text();
    // It is the log of what happened, and it is talkative.
    for word in [
        "decision=\"refused\"",
        "TRACE",
        "rmcp",
        "was revoked at",
        "expired at",
        "path=/mcp/{*rest} ",
    ] {
        assert!(log.contains(word), "the log lacks {word:?}: nothing was proved");
    }
    for secret in &secrets {
        if let Some(at) = log.find(secret) {
            panic!("a secret stands in the log: {}", line_at(&log, at));
        }
    }
    for form in FORMS {
        if let Some(at) = log.find(form) {
            panic!("something of the form {form} stands in the log: {}", line_at(&log, at));
        }
    }
}

fn line_at(log: &str, at: usize) -> &str {
    let start = log[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = log[at..].find('\n').map_or(log.len(), |length| at + length);
    &log[start..end]
}

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
