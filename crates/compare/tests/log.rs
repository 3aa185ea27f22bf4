//! T21: the log at its most talkative holds no secret, nor does an audit file, over all situations
//! and the whole hostile table.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod secrets;
#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/table.rs"]
mod table;

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use compare::{Kind, World};
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

    let audits = tempfile::tempdir().unwrap();
    let world = World::start_audited(audits.path()).await.unwrap();
    let key = audits.path().join("audit.key");
    fs::copy(world.keys.join("audit.key"), &key).unwrap();
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
    holds_no_secret(&log, &secrets);
    for kind in Kind::ALL {
        let file = audits.path().join(format!("{kind}.log"));
        let report = audit::verify(&file, &key, None).unwrap();
        assert!(report.damage.is_none() && report.lines > 300, "{kind}: {report:?}");
        let audit = fs::read_to_string(file).unwrap();
        for decision in ["\"decision\":\"allowed\"", "\"decision\":\"refused\""] {
            assert!(audit.contains(decision), "{kind}: nothing was proved");
        }
        // A MAC is random, and now and then begins like a token.
        let said = |line: &str| line.split(",\"mac\":").next().unwrap().to_owned();
        let audit: Vec<String> = audit.lines().map(said).collect();
        holds_no_secret(&audit.join("\n"), &secrets);
    }
}

fn holds_no_secret(log: &str, secrets: &[String]) {
    for secret in secrets {
        if let Some(at) = log.find(secret) {
            panic!("a secret stands there: {}", line_at(log, at));
        }
    }
    for form in FORMS {
        if let Some(at) = log.find(form) {
            panic!("something of the form {form} stands there: {}", line_at(log, at));
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
