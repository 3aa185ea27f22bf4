//! T21: the log at its most talkative holds no secret, nor does an audit file, over all situations
//! and the whole hostile table.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "the hostile tests use all of it")]
#[path = "hostile/table.rs"]
mod table;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use compare::situations::SITUATIONS;
use compare::{Kind, Side, World};
use secrecy::ExposeSecret;
use table::forge::Forge;
use table::raw::Raw;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The beginnings of every API key and of every token, also of those that a situation makes
/// and forgets: `{"` in base64url is `eyJ`.
const FORMS: [&str; 2] = ["mcpk_", "eyJ"];

/// What somebody could have chosen for the one key of a server. It looks like a name of a host
/// and a path on it.
const CHOSEN: &str = "correct.horse/battery.staple/and.even.more";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_at_trace_level_holds_no_secret() {
    let memory = Memory::default();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(memory.clone())
        .init();

    let audits = tempfile::tempdir().unwrap();
    let world = World::start_audited(Some(audits.path())).await.unwrap();
    let key = audits.path().join("audit.key");
    fs::copy(world.keys.join("audit.key"), &key).unwrap();
    for situation in &SITUATIONS {
        let row = compare::observe(&world, situation).await;
        assert!(row.is_right(), "{row:?}");
    }
    // Whether each of these is refused as it should be is for another test.
    let stranger = keygen::rsa::generate(2048).unwrap();
    let mut secrets = in_files(&world.keys);
    assert!(secrets.len() >= 7, "two keys, two clients, two secrets, a private key");
    for kind in Kind::ALL {
        let side = world.side(kind);
        let forge = Forge::for_side(&world, side, &stranger, "http://[::1]");
        let run = table::run(side, &forge).await;
        secrets.extend(forge.secrets());
        assert!(run.rows.len() >= 150, "{kind} was tried with {} rows", run.rows.len());
    }
    for kind in Kind::ALL {
        let side = world.side(kind);
        let one = [&side.bob, &side.alice, &side.wrong, &side.tampered, &side.expired];
        secrets.extend(
            one.into_iter()
                .chain(&side.foreign)
                .map(|credential| credential.secret().expose_secret().to_owned()),
        );
    }
    for kind in Kind::ALL {
        let side = world.side(kind);
        misplaced(side, side.bob.secret().expose_secret()).await;
        misplaced(side, CHOSEN).await;
    }
    secrets.push(CHOSEN.to_owned());
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
        let report = audit::verify(&file, &key).unwrap();
        assert!(report.damage.is_none() && report.lines > 300, "{kind}: {report:?}");
        let audit = fs::read_to_string(file).unwrap();
        for decision in ["\"decision\":\"allowed\"", "\"decision\":\"refused\""] {
            assert!(audit.contains(decision), "{kind}: nothing was proved");
        }
        holds_no_secret(&audit, &secrets);
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

/// Whoever pastes a credential into a path has lost it to proxies already, but not to this log.
async fn misplaced(side: &Side, secret: &str) {
    for path in ["", "/", "/mcp/", "/mcp/sessions/", "/mcp;", "/token/", "/nothing/", "/%2f/"] {
        Raw::to(side, "GET", &format!("{path}{secret}")).send(side).await;
    }
    for origin in [secret, &format!("https://{secret}"), &format!("https://{secret}:1")] {
        Raw::to(side, "GET", "/mcp").with("origin", origin).send(side).await;
        Raw::to(side, "GET", "/mcp").set("host", origin).send(side).await;
    }
    Raw::to(side, "GET", secret).send(side).await;
    Raw::to(side, secret, "/mcp").send(side).await;
}

/// What is secret in the files of the keys folder: each line of a key, each secret of a client.
fn in_files(keys: &Path) -> Vec<String> {
    let mut secrets = Vec::new();
    for name in
        ["audit.key", "jwt.secret", "rsa_private.pem", "clients/bob.apikey", "clients/alice.apikey"]
    {
        let text = fs::read_to_string(keys.join(name)).unwrap();
        let lines = text.lines().filter(|line| line.len() > 20 && !line.starts_with('-'));
        secrets.extend(lines.map(str::to_owned));
    }
    for user in ["bob", "alice"] {
        let text = fs::read_to_string(keys.join(format!("clients/{user}.client.json"))).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        secrets.push(file["client_secret"].as_str().unwrap().to_owned());
    }
    secrets
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
