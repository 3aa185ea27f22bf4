//! `keygen` is killed at random moments while it makes, rotates and revokes keys: what it said is
//! done is done, and nothing half-made verifies. A server has the store open all the while.
//!
//! The seed is printed; MCP_AUTH_SEED repeats a run as far as processes can be made to.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::print_stdout, reason = "the seed repeats a failure")]

#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../../store/tests/place/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "other tests use all of it")]
mod shell;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mcp_auth::authn::apikey::{ApiKeys, PlainKey};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};
use shell::Shell;
use store::{Store, StoreError, StoredKey};

const SEED: &str = "MCP_AUTH_SEED";

/// What is known to be so, by the ids of keys.
#[derive(Default)]
struct Known(BTreeMap<String, State>);

/// What was said of a key, and the file that it is in.
#[derive(Clone)]
struct State {
    file: String,
    revoked: bool,
    rotated: bool,
}

/// What is about to be done.
enum Act {
    Create,
    Rotate(String),
    Revoke(String),
}

struct Place {
    shell: Shell,
    store: PathBuf,
    server: Store,
    known: Known,
    /// How many files were named.
    files: usize,
    longest: Duration,
}

#[tokio::test]
async fn what_was_said_to_be_done_is_done_and_nothing_half_made_verifies() {
    let shell = Shell::new();
    let store = shell.path("keys/credentials.db");
    kill(100, shell, store).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn the_same_of_a_postgresql_server() {
    let Some(store) = postgres::database() else { return };
    kill(20, Shell::new(), store).await;
}

async fn kill(kills: usize, shell: Shell, store: PathBuf) {
    let seed = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(rand::random::<u64>);
    println!("{SEED}={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut place = Place::new(shell, store);
    let (mut killed, mut done, mut changed) = (0, 0, 0);
    // So many, and until one fell after a change and another came too late.
    while killed < kills || done == 0 || changed == 0 {
        assert!(killed < kills * 10, "no kill fell where it matters");
        let act = place.choose(&mut random);
        let moment = place.longest.mul_f64(random.random_range(0.0..1.1));
        let file = place.next_file();
        let finished = place.run(&act, &file, Some(moment));
        if finished {
            done += 1;
        } else {
            killed += 1;
        }
        changed += usize::from(place.judge(&act, &file, finished).await && !finished);
    }
    println!(
        "{killed} were killed, {changed} of them after their change; {done} came to their end"
    );
}

impl Place {
    fn new(shell: Shell, store: PathBuf) -> Self {
        let server = Store::open(&store).unwrap();
        let longest = Duration::ZERO;
        let mut place = Self { shell, store, server, known: Known::default(), files: 0, longest };
        for _ in 0..5 {
            let file = place.next_file();
            let start = Instant::now();
            assert!(place.run(&Act::Create, &file, None));
            place.longest = place.longest.max(start.elapsed());
            let id = place.id_in(&file).unwrap();
            place.known.0.insert(id, State { file, revoked: false, rotated: false });
        }
        place
    }

    fn next_file(&mut self) -> String {
        self.files += 1;
        format!("{}.apikey", self.files)
    }

    fn choose(&self, random: &mut StdRng) -> Act {
        let live =
            |(id, state): (&String, &State)| (!state.revoked && !state.rotated).then(|| id.clone());
        let one = self.known.0.iter().filter_map(live).choose(random);
        match (random.random_range(0..3), one) {
            (0, _) | (_, None) => Act::Create,
            (1, Some(id)) => Act::Rotate(id),
            (_, Some(id)) => Act::Revoke(id),
        }
    }

    /// Whether it came to its end before it was killed, which it was after so long.
    fn run(&self, act: &Act, file: &str, kill: Option<Duration>) -> bool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keygen"));
        command
            .current_dir(self.shell.path(""))
            .env_clear()
            .env("MCP_STORE", &self.store)
            .stdout(Stdio::null());
        match act {
            Act::Create => command.args(["apikey", "create", "--owner", "bob", "--name", "Key"]),
            Act::Rotate(id) => command.args(["apikey", "rotate", id]),
            Act::Revoke(id) => command.args(["apikey", "revoke", id]),
        };
        if !matches!(act, Act::Revoke(_)) {
            command.args(["--out", file]);
        }
        let mut child = command.spawn().unwrap();
        if let Some(after) = kill {
            sleep(after);
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        assert!(status.success() || status.signal() == Some(9), "{status}");
        status.success()
    }

    /// Whether the store has the change. It opens, what it holds can be read, and it says what was
    /// said before, but for what was just under way.
    async fn judge(&mut self, act: &Act, file: &str, finished: bool) -> bool {
        // A server may be at a commit that it was sent before the kill: another change waits for it.
        let nobody = self.server.revoke_key(PlainKey::mint().id());
        assert!(matches!(nobody, Err(StoreError::UnknownKey(_))));
        let keys = Store::open(&self.store).unwrap().list_keys().unwrap();
        let keys: BTreeMap<_, _> = keys.into_iter().map(|key| (key.id.to_string(), key)).collect();
        let new: Vec<_> = keys.keys().filter(|id| !self.known.0.contains_key(*id)).collect();
        assert!(new.len() <= 1, "{new:?}");
        for (id, state) in &self.known.0 {
            let key = &keys[id];
            let under_way = matches!(act, Act::Rotate(it) | Act::Revoke(it) if it == id);
            let as_said = |now: bool, said: bool| now == said || (under_way && now);
            assert!(as_said(key.revoked.is_some(), state.revoked), "{id} was revoked or not");
            assert!(as_said(key.expires.is_some(), state.rotated), "{id} was rotated or not");
        }
        let changed = match act {
            Act::Create => !new.is_empty(),
            Act::Rotate(id) => {
                assert_eq!(keys[id].expires.is_some(), !new.is_empty(), "half a rotation of {id}");
                !new.is_empty()
            }
            Act::Revoke(id) => {
                assert_eq!(new, Vec::<&String>::new());
                keys[id].revoked.is_some()
            }
        };
        assert!(changed || !finished, "it said that it was done");
        if let Some(id) = new.first() {
            // Somebody has it: a key in the store that nobody received is in force for nobody.
            assert_eq!(self.id_in(file).as_ref(), Some(*id), "the key is in no file");
            let state = State { file: file.to_owned(), revoked: false, rotated: false };
            self.known.0.insert((*id).clone(), state);
        } else if !matches!(act, Act::Revoke(_)) && self.shell.path(file).exists() {
            assert_eq!(self.status(file).await, 401, "a key that the store does not have");
        }
        self.learn(&keys);
        self.all_verify_as_they_should().await;
        changed
    }

    fn learn(&mut self, keys: &BTreeMap<String, StoredKey>) {
        for (id, state) in &mut self.known.0 {
            state.revoked = keys[id].revoked.is_some();
            state.rotated = keys[id].expires.is_some();
        }
    }

    /// At the server, as soon as it has seen the change. The overlap of a rotation lasts a day.
    async fn all_verify_as_they_should(&self) {
        let start = Instant::now();
        for state in self.known.0.values() {
            let right = if state.revoked { 401 } else { 200 };
            while self.status(&state.file).await != right {
                assert!(start.elapsed() < Duration::from_secs(10), "{} is not {right}", state.file);
                sleep(Duration::from_millis(5));
            }
        }
    }

    async fn status(&self, file: &str) -> u16 {
        let key = fs::read_to_string(self.shell.path(file)).unwrap();
        let verified = ApiKeys::new(self.server.clone(), false).verify(key.trim()).await;
        verified.map_or_else(|rejection| rejection.status().as_u16(), |_| 200)
    }

    fn id_in(&self, file: &str) -> Option<String> {
        let key = fs::read_to_string(self.shell.path(file)).ok()?;
        Some(key.split('_').nth(1)?.to_owned())
    }
}
