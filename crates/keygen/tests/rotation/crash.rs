//! keygen is killed in the middle of a rotation.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::jwt::{KeySet, Keys, Signers};
use mcp_auth::secret;

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

/// Kills the same command soon after it began to change `file`, each time a little later, with the
/// same files before, and lets `check` look at what is there then.
fn killed(shell: &Shell, files: &[&str], args: &[&str], check: impl Fn()) {
    let before: Vec<_> = files.iter().map(|file| fs::read(shell.path(file)).unwrap()).collect();
    let folder = || fs::read_dir(shell.path("keys")).unwrap().count();
    for kill in 0..KILLS {
        for (file, bytes) in files.iter().zip(&before) {
            fs::write(shell.path(file), bytes).unwrap();
        }
        let there = folder();
        let mut running = start(shell, args);
        // A file is written beside its place first.
        while folder() == there && running.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        thread::sleep(Duration::from_micros(200) * kill);
        let _ = running.kill();
        running.wait().unwrap();
        check();
        // Whoever was killed holds nothing up, and leaves nothing for good.
        shell.ok(&[args[0], "--prune"]);
        check();
        assert_eq!(folder(), files.len());
    }
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
    killed(&shell, &[file], &["secret", "--rotate"], || {
        let text = secret::read(&shell.path(file)).unwrap();
        let (keys, signers) = (KeySet::hs256(&text).unwrap(), Signers::hs256(&text).unwrap());
        assert_eq!(signers.at(Timestamp::now()).unwrap().kid(), old);
        assert!(keys.find(Some(signers.at(later()).unwrap().kid())).unwrap().is_some());
    });
}

#[test]
fn whatever_is_signed_is_verified_whenever_keygen_is_killed() {
    let shell = Shell::new();
    shell.ok(&["rsa"]);
    let files = ["keys/rsa_private.pem", "keys/rsa_public.pem"];
    killed(&shell, &files, &["rsa", "--rotate"], || {
        let private = secret::read(&shell.path(files[0])).unwrap();
        let public = fs::read_to_string(shell.path(files[1])).unwrap();
        let (signers, keys) = (Signers::rs256(&private).unwrap(), KeySet::rs256(&public).unwrap());
        for moment in [Timestamp::now(), later()] {
            let kid = signers.at(moment).unwrap().kid().to_owned();
            let key = keys.find(Some(&kid)).unwrap().expect("what signs is verified");
            assert!(key.until().is_none_or(|until| until > moment + Duration::from_secs(3600)));
        }
    });
}
