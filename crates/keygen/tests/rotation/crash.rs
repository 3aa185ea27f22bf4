//! keygen is killed in the middle of a rotation.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::ApiKeys;
use mcp_auth::authn::jwt::{KeySet, Keys, Signers};
use mcp_auth::secret;
use store::Store;

use super::shell::Shell;

/// How many moments are tried.
const KILLS: u32 = 30;

fn start(shell: &Shell, args: &[&str]) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_keygen"))
        .current_dir(shell.path(""))
        .env_clear()
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the same command soon after it began to change `files`, each time a little later, with the
/// same files before, and lets `check` look at what is there then, and whether all was done.
fn killed(shell: &Shell, files: &[&str], args: &[&str], check: impl Fn(bool)) {
    let read = || files.iter().map(|file| fs::read(shell.path(file)).unwrap()).collect::<Vec<_>>();
    let before = read();
    let folder = || fs::read_dir(shell.path("keys")).unwrap().count();
    let (mut in_the_middle, mut between) = (0, 0);
    for kill in 0..=KILLS {
        for (file, bytes) in files.iter().zip(&before) {
            fs::write(shell.path(file), bytes).unwrap();
        }
        let there = folder();
        let mut running = start(shell, args);
        // A file is written beside its place first; of two the last one changes first.
        let begun = || match kill % 2 {
            0 => folder() != there,
            _ => fs::read(shell.path(files[files.len() - 1])).unwrap() != before[files.len() - 1],
        };
        while !begun() && running.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        // The last one is let go on to its end.
        if kill < KILLS {
            thread::sleep(Duration::from_micros(100) * (kill / 2));
            let _ = running.kill();
        }
        let done = running.wait().unwrap().success();
        assert!(done || kill < KILLS);
        if !done {
            in_the_middle += u32::from(folder() != there);
            between += u32::from(read() != before);
        }
        check(done);
        // Whoever was killed holds nothing up, and leaves nothing for good.
        shell.ok(&[args[0], "--prune"]);
        check(done);
        assert_eq!(folder(), files.len());
    }
    assert!(in_the_middle > 0, "nothing was cut short");
    assert!(between > 0 || files.len() == 1, "nothing was cut short between two files");
}

fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

#[test]
fn a_secret_is_whole_whenever_keygen_is_killed() {
    let shell = Shell::new();
    shell.ok(&["secret"]);
    let file = "keys/jwt.secret";
    let old = Signers::hs256(&secret::read(&shell.path(file)).unwrap()).unwrap();
    let old = old.at(Timestamp::now()).unwrap().kid().to_owned();
    killed(&shell, &[file], &["secret", "--rotate"], |done| {
        let text = secret::read(&shell.path(file)).unwrap();
        let (keys, signers) = (KeySet::hs256(&text).unwrap(), Signers::hs256(&text).unwrap());
        assert_eq!(signers.at(Timestamp::now()).unwrap().kid(), old);
        let next = signers.at(later()).unwrap().kid();
        assert!(keys.find(Some(next)).unwrap().is_some());
        assert!(!done || next != old, "it was told that another takes over");
    });
}

#[test]
fn whatever_is_signed_is_verified_whenever_keygen_is_killed() {
    let shell = Shell::new();
    shell.ok(&["rsa"]);
    let files = ["keys/rsa_private.pem", "keys/rsa_public.pem"];
    let old = Signers::rs256(&secret::read(&shell.path(files[0])).unwrap()).unwrap();
    let old = old.at(Timestamp::now()).unwrap().kid().to_owned();
    killed(&shell, &files, &["rsa", "--rotate"], |done| {
        let private = secret::read(&shell.path(files[0])).unwrap();
        let public = fs::read_to_string(shell.path(files[1])).unwrap();
        let (signers, keys) = (Signers::rs256(&private).unwrap(), KeySet::rs256(&public).unwrap());
        for moment in [Timestamp::now(), later()] {
            let kid = signers.at(moment).unwrap().kid().to_owned();
            let key = keys.find(Some(&kid)).unwrap().expect("what signs is verified");
            assert!(key.until().is_none_or(|until| until > moment + Duration::from_secs(3600)));
        }
        let next = signers.at(later()).unwrap().kid();
        assert!(!done || next != old, "it was told that another takes over");
        // A key whose private half was never written does not stay for ever.
        for key in keys.iter().filter(|key| ![&old, next].contains(&key.kid())) {
            assert!(key.until().is_some(), "nothing would ever remove it");
        }
    });
}

#[tokio::test]
async fn the_file_of_an_api_key_opens_the_server_whenever_keygen_is_killed() {
    let shell = Shell::new();
    let file = "keys/bob.apikey";
    let out = ["--out", file, "--force"];
    let create = ["apikey", "create", "--owner", "bob", "--name", "Laptop"];
    let (mut in_the_middle, mut done) = (0, false);
    for kill in 0..=KILLS / 2 {
        let id = shell.json(&[&create[..], &out].concat())["id"].as_str().unwrap().to_owned();
        let before = secret::read(&shell.path(file)).unwrap();
        let folder = || {
            let names = fs::read_dir(shell.path("keys")).unwrap();
            names
                .filter(|name| !name.as_ref().unwrap().path().to_string_lossy().contains(".db"))
                .count()
        };
        let there = folder();
        let mut running = start(&shell, &[&["apikey", "rotate", &id][..], &out].concat());
        while folder() == there && running.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        if kill < KILLS / 2 {
            thread::sleep(Duration::from_micros(200) * kill);
            let _ = running.kill();
        }
        done = running.wait().unwrap().success();
        in_the_middle += u32::from(!done && folder() != there);
        let server = ApiKeys::new(Store::open(&shell.path("keys/credentials.db")).unwrap(), false);
        let now = secret::read(&shell.path(file)).unwrap();
        assert!(server.verify(&now).await.is_ok(), "kill {kill}: nobody has a key any more");
        assert!(!done || *now != *before, "it was told that another takes over");
    }
    assert!(in_the_middle > 0, "nothing was cut short");
    assert!(done);
}
