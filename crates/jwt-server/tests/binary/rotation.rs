//! The secret is replaced while clients call.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use clap::Parser;
use jiff::Timestamp;
use mcp_auth::authn::jwt::{KeySet, Signers};
use mcp_auth::secret;
use store::Store;

use super::binary::Server;
use super::{EXE, token};

const FLAGS: &[&str] =
    &["--listen", "127.0.0.1:0", "--rate-limit", "off", "--failure-limit", "off"];

fn keygen(folder: &Path, args: &[&str]) {
    let keys = folder.join("keys");
    let place = ["keygen", "--keys", keys.to_str().unwrap()];
    let cli = keygen::cli::Cli::try_parse_from(place.iter().chain(args)).unwrap();
    keygen::run(cli).map_err(|error| error.to_string()).unwrap();
}

fn status(server: &Server, token: &str) -> u16 {
    server.call(&format!("authorization: Bearer {token}"), "whoami", "{}").status
}

/// Asks again and again until it is so.
fn in_time(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < end, "after thirty seconds: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Under which key it was signed.
fn kid(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
    let header = String::from_utf8(decoded.unwrap()).unwrap();
    header.split_once("\"kid\":\"").unwrap().1.split('"').next().unwrap().to_owned()
}

#[test]
fn a_secret_is_replaced_and_no_request_is_refused_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let server = Server::start(EXE, path, FLAGS, &[]);
    let old = token(&server, path, "bob");
    let (done, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for owner in ["bob", "alice"] {
            let (server, done, calls) = (&server, &done, &calls);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    assert_eq!(status(server, &token(server, path, owner)), 200);
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        keygen(path, &["secret", "--rotate", "--at", "6s", "--overlap", "6s"]);
        let text = secret::read(&path.join("keys/jwt.secret")).unwrap();
        let keys = KeySet::hs256(&text).unwrap();
        let until = keys.iter().next().unwrap().until().unwrap();
        in_time("the new secret does not sign", || kid(&token(&server, path, "bob")) != kid(&old));
        // Long before the end, whatever else this machine does.
        if Timestamp::now() < until {
            let found = status(&server, &old);
            assert!(found == 200 || Timestamp::now() >= until, "the old one ended early: {found}");
        }
        in_time("the old secret verifies still", || status(&server, &old) == 401);
        assert!(Timestamp::now() >= until, "the old one ended early");
        done.store(true, Ordering::SeqCst);
    });
    assert!(calls.load(Ordering::SeqCst) > 10, "there was no load");
    keygen(path, &["secret", "--prune"]);
    let text = secret::read(&path.join("keys/jwt.secret")).unwrap();
    assert_eq!(KeySet::hs256(&text).unwrap().iter().count(), 1);
    let store = Store::open(&path.join("keys/credentials.db")).unwrap();
    in_time("the old secret is not known any more", || {
        store.list_signing_keys().unwrap().iter().any(|stored| stored.key.kid == kid(&old))
    });
    assert_eq!(status(&server, &token(&server, path, "bob")), 200);
    assert!(server.interrupt().success());
}

#[test]
fn a_bad_secret_is_told_with_its_line_and_the_good_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let server = Server::start(EXE, path, FLAGS, &[]);
    let old = token(&server, path, "bob");
    let file = path.join("keys/jwt.secret");
    let good = secret::read(&file).unwrap();
    let log = || fs::read_to_string(path.join("log")).unwrap();
    secret::write(&file, &format!("{}\n\nVerify-Until: soon\nhunter2\n", *good), true).unwrap();
    in_time("it is not told", || log().contains("line 3: it needs a moment"));
    assert!(!log().contains("hunter2") && !log().contains(good.as_str()));
    assert_eq!(status(&server, &old), 200);
    assert_eq!(status(&server, &token(&server, path, "bob")), 200);

    // A secret of nobody's: what was signed before is worth nothing once it counts.
    let stranger = mcp_auth::authn::jwt::mint::new_hs256_secret();
    let next = Signers::hs256(&stranger).unwrap().at(Timestamp::now()).unwrap().kid().to_owned();
    secret::write(&file, &stranger, true).unwrap();
    in_time("the new secret does not count", || status(&server, &old) == 401);
    in_time("it does not sign", || kid(&token(&server, path, "bob")) == next);
    assert_eq!(status(&server, &token(&server, path, "bob")), 200);
    // What verifies can also sign, and so is never shown.
    assert_eq!(server.send("GET", "/jwks.json", &[], "").status, 404);
}

#[test]
fn a_server_whose_last_secret_ends_says_that_it_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let server = Server::start(EXE, path, FLAGS, &[]);
    let ready = || server.send("GET", "/readyz", &[], "").status;
    assert_eq!(ready(), 200);
    let file = path.join("keys/jwt.secret");
    let good = secret::read(&file).unwrap();
    let until = Timestamp::now() + Duration::from_secs(3);
    secret::write(&file, &format!("Verify-Until: {until}\n{}\n", *good), true).unwrap();
    in_time("it is ready still", || ready() == 503);
    assert!(Timestamp::now() >= until, "it ended early");
}
