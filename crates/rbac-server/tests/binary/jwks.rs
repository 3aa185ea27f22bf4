//! T13: keys that come from a key set.

use std::fs;
use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keygen::rsa::RsaPair;
use mcp_auth::authn::jwt::Signer;
use serde_json::{Value, json};

use super::binary::{Server, refusal};
use super::issuer::{Issuer, Mode, jwk, set};
use super::place::{ANY_PORT, EXE, bearer, in_time};

static OLD: LazyLock<RsaPair> = LazyLock::new(|| keygen::rsa::generate(2048).unwrap());
static NEW: LazyLock<RsaPair> = LazyLock::new(|| keygen::rsa::generate(2048).unwrap());

fn under(pair: &RsaPair) -> String {
    bearer(&Signer::rs256(&pair.private_pem).unwrap(), "Officer")
}

static NAMES: AtomicUsize = AtomicUsize::new(0);

/// The same under a name that nobody has, another each time.
fn under_some_name(pair: &RsaPair) -> String {
    let bearer = under(pair);
    let (name, token) = bearer.rsplit_once(' ').unwrap();
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let header = URL_SAFE_NO_PAD.decode(&parts[0]).unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"] = format!("nobody-{}", NAMES.fetch_add(1, Ordering::Relaxed)).into();
    parts[0] = URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{name} {}", parts.join("."))
}

struct Place {
    folder: tempfile::TempDir,
    server: Server,
}

impl Place {
    fn new(issuer: &Issuer, refresh: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = [ANY_PORT, &["--jwks", &issuer.url, "--jwks-refresh", refresh]].concat();
        let server = Server::start(EXE, folder.path(), &flags, &[]);
        Self { folder, server }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn status(&self, bearer: &str) -> u16 {
        self.server.call(bearer, "whoami", "{}").status
    }

    fn ready(&self) -> u16 {
        self.server.send("GET", "/readyz", &[], "").status
    }
}

/// Bad answers, and what the log says of each.
fn bad(elsewhere: &Issuer) -> Vec<(&'static str, Mode, &'static str)> {
    let with = |changes: Value| {
        let mut key = jwk(&NEW);
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    };
    let body = |keys: &[Value]| Mode::Body(set(keys));
    let secret = URL_SAFE_NO_PAD.encode([7; 32]);
    let oct = json!({"kty": "oct", "alg": "HS256", "kid": "secret", "k": secret});
    let weak = with(json!({"n": URL_SAFE_NO_PAD.encode([0xff; 128])}));
    let redirect = |status| Mode::Redirect(status, elsewhere.url.clone());
    vec![
        ("a redirect to elsewhere", redirect(302), "redirects are not followed"),
        ("a lasting redirect", redirect(308), "redirects are not followed"),
        ("10 MB", Mode::Huge { announced: true }, "longer than 256 KiB"),
        ("10 MB, not announced", Mode::Huge { announced: false }, "longer than 256 KiB"),
        ("an oct key", body(&[jwk(&NEW), oct]), "is a secret or a private key"),
        ("a private key", body(&[with(json!({"d": "AQAB"}))]), "is a secret or a private key"),
        ("one kid twice", body(&[jwk(&NEW), with(json!({"e": "Aw"}))]), "it is there twice"),
        ("a weak key", body(&[jwk(&NEW), weak]), "1024 bits"),
        ("a key that verifies nothing", body(&[with(json!({"e": "Ag"}))]), "no RSA public key"),
        ("no JSON", Mode::Body("<html>".to_owned()), "no JWK Set"),
        ("an error", Mode::Status(500), "answered with 500"),
        ("nothing new", Mode::Status(304), "answered with 304"),
        ("a slow body", Mode::Trickle, "timed out"),
        ("no answer", Mode::HangUp, "was not loaded"),
    ]
}

#[test]
fn a_bad_answer_at_the_start_lets_nobody_in_and_is_told() {
    let elsewhere = Issuer::start(Mode::Body(set(&[jwk(&NEW)])));
    thread::scope(|scope| {
        for (name, mode, said) in bad(&elsewhere) {
            scope.spawn(move || {
                let issuer = Issuer::start(mode);
                let place = Place::new(&issuer, "1s");
                in_time(&format!("{name}: it is not told"), || place.log().contains(said));
                let answer = place.server.call(&under(&NEW), "whoami", "{}");
                assert_eq!(answer.status, 503, "{name}");
                assert!(answer.head.contains("retry-after: 2"), "{name}: {}", answer.head);
                assert_eq!(place.ready(), 503, "{name}");
                // It is asked again, and everything is well.
                issuer.now(Mode::Body(set(&[jwk(&NEW)])));
                in_time(&format!("{name}: it is not mended"), || place.ready() == 200);
                assert_eq!(place.status(&under(&NEW)), 200, "{name}");
            });
        }
    });
    assert_eq!(elsewhere.asked(), 0, "a redirect was followed");
}

#[test]
fn a_bad_answer_later_changes_nothing_and_is_told() {
    let elsewhere = Issuer::start(Mode::Body(set(&[jwk(&NEW)])));
    thread::scope(|scope| {
        for (name, mode, said) in bad(&elsewhere) {
            scope.spawn(move || {
                let issuer = Issuer::start(Mode::Body(set(&[jwk(&OLD)])));
                let place = Place::new(&issuer, "1s");
                in_time(&format!("{name}: it is not ready"), || place.ready() == 200);
                issuer.now(mode);
                in_time(&format!("{name}: it is not told"), || place.log().contains(said));
                assert!(place.log().contains("the one before stays"), "{name}");
                let found = (place.status(&under(&OLD)), place.status(&under(&NEW)), place.ready());
                assert_eq!(found, (200, 401, 200), "{name}");
            });
        }
    });
    assert_eq!(elsewhere.asked(), 0, "a redirect was followed");
}

#[test]
fn an_issuer_that_is_not_there_yet_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{address}/jwks.json");
    let server = Server::start(EXE, folder.path(), &[ANY_PORT, &["--jwks", &url]].concat(), &[]);
    let status = |bearer: &str| server.call(bearer, "whoami", "{}").status;
    assert_eq!(status(&under(&OLD)), 503);
    // Whoever has no token is told so all the same.
    assert_eq!(server.send("POST", "/mcp", &[], "").status, 401);
    assert_eq!(server.send("GET", "/readyz", &[], "").status, 503);
    let _issuer = Issuer::on(TcpListener::bind(address).unwrap(), Mode::Body(set(&[jwk(&OLD)])));
    in_time("it is not ready", || server.send("GET", "/readyz", &[], "").status == 200);
    assert_eq!((status(&under(&OLD)), status(&under(&NEW))), (200, 401));
    // The issuer says itself which keys it has.
    assert_eq!(server.send("GET", "/jwks.json", &[], "").status, 404);
}

#[test]
fn for_a_new_key_the_issuer_is_asked_once_for_all_who_come_with_it() {
    let issuer = Issuer::start(Mode::Body(set(&[jwk(&OLD)])));
    let place = Place::new(&issuer, "1h");
    in_time("it is not ready", || place.ready() == 200);
    assert_eq!(issuer.asked(), 1);
    let (answer, held) = Mode::held(set(&[jwk(&OLD), jwk(&NEW)]));
    issuer.now(answer);
    thread::scope(|scope| {
        let callers = [(); 20].map(|()| scope.spawn(|| place.status(&under(&NEW))));
        in_time("it does not ask", || issuer.asked() == 2);
        // Nobody else waits for it.
        assert_eq!(place.status(&under(&OLD)), 200);
        assert!(!callers.iter().any(|caller| caller.is_finished()), "the issuer has not answered");
        drop(held);
        for caller in callers {
            assert_eq!(caller.join().unwrap(), 200);
        }
    });
    assert_eq!(issuer.asked(), 2);
}

#[test]
fn keys_that_nobody_has_do_not_make_it_ask_again_and_again() {
    let issuer = Issuer::start(Mode::Body(set(&[jwk(&OLD)])));
    let place = Place::new(&issuer, "1h");
    in_time("it is not ready", || place.ready() == 200);
    let began = std::time::Instant::now();
    thread::scope(|scope| {
        // A name of its own each time: an answer about one says nothing about the next.
        let callers = [(); 10]
            .map(|()| scope.spawn(|| (0..10).all(|_| place.status(&under_some_name(&NEW)) == 401)));
        assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
    });
    // Once, and once more for every ten seconds that this machine took.
    let most = 2 + began.elapsed().as_secs() as usize / 10;
    assert!((2..=most).contains(&issuer.asked()), "{} times", issuer.asked());
}

#[test]
fn a_key_that_its_issuer_withdrew_is_dropped() {
    let issuer = Issuer::start(Mode::Body(set(&[jwk(&OLD), jwk(&NEW)])));
    let place = Place::new(&issuer, "1s");
    in_time("it is not ready", || place.ready() == 200);
    assert_eq!((place.status(&under(&OLD)), place.status(&under(&NEW))), (200, 200));
    issuer.now(Mode::Body(set(&[jwk(&NEW)])));
    in_time("the old key is still taken", || place.status(&under(&OLD)) == 401);
    assert_eq!(place.status(&under(&NEW)), 200);
}

#[test]
fn an_issuer_that_withdrew_its_last_key_is_obeyed() {
    let changed = |name: &str, value: &str| {
        let mut key = jwk(&OLD);
        key[name] = value.into();
        set(&[key])
    };
    for nothing in [set(&[]), changed("use", "enc"), changed("alg", "PS256"), changed("kty", "EC")]
    {
        let issuer = Issuer::start(Mode::Body(set(&[jwk(&OLD)])));
        let place = Place::new(&issuer, "1s");
        in_time("it is not ready", || place.ready() == 200);
        assert_eq!(place.status(&under(&OLD)), 200);
        issuer.now(Mode::Body(nothing));
        in_time("the last key is still taken", || place.status(&under(&OLD)) == 401);
        assert_eq!(place.ready(), 503);
        in_time("it is not told", || place.log().contains("none of its keys"));
        assert!(place.log().contains("no token is taken"), "{}", place.log());
        issuer.now(Mode::Body(set(&[jwk(&NEW)])));
        in_time("it is not ready again", || place.ready() == 200);
        assert_eq!(place.status(&under(&NEW)), 200);
    }
}

#[test]
fn keys_with_zeros_before_their_numbers_verify() {
    let long = |number: &Value| {
        let bytes = URL_SAFE_NO_PAD.decode(number.as_str().unwrap()).unwrap();
        URL_SAFE_NO_PAD.encode([&[0], &bytes[..]].concat())
    };
    let mut key = jwk(&OLD);
    (key["n"], key["e"]) = (long(&key["n"]).into(), long(&key["e"]).into());
    let issuer = Issuer::start(Mode::Body(set(&[key])));
    let place = Place::new(&issuer, "1h");
    in_time("it is not ready", || place.ready() == 200);
    assert_eq!(place.status(&under(&OLD)), 200);
}

#[test]
fn a_key_set_in_a_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("set.json");
    let flags = [ANY_PORT, &["--jwks", "set.json"]].concat();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("cannot read the key set set.json"), "{error}");
    fs::write(&file, set(&[json!({"kty": "oct", "k": "AAAA"})])).unwrap();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("key 1 is a secret") && error.contains("--jwks"), "{error}");
    fs::write(&file, set(&[])).unwrap();
    let error = refusal(EXE, folder.path(), &flags, &[]);
    assert!(error.contains("none of its keys") && error.contains("--jwks"), "{error}");

    fs::write(&file, set(&[jwk(&OLD)])).unwrap();
    let server = Server::start(EXE, folder.path(), &flags, &[]);
    let found = || {
        let status = |pair| server.call(&under(pair), "whoami", "{}").status;
        (status(&OLD), status(&NEW))
    };
    assert_eq!(found(), (200, 401));
    fs::write(&file, set(&[jwk(&NEW)])).unwrap();
    in_time("the new set does not count", || found() == (401, 200));
    fs::write(&file, "{}").unwrap();
    thread::sleep(Duration::from_secs(2));
    assert_eq!(found(), (401, 200));
    let ready = || server.send("GET", "/readyz", &[], "").status;
    assert_eq!(ready(), 200);
    fs::write(&file, set(&[])).unwrap();
    in_time("the last key is still taken", || found() == (401, 401));
    assert_eq!(ready(), 503);
}

#[test]
fn keys_come_over_tls_or_from_this_machine_and_from_one_place() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, said) in [
        (&["--jwks", "http://issuer.example/jwks.json"][..], "https"),
        (&["--jwks", "http://169.254.169.254/latest"], "https"),
        (&["--jwks", "https://bob:pw@issuer.example/"], "user name"),
        (&["--jwks", "a.json", "--public-key", "b.pem"], "--public-key"),
    ] {
        let output = std::process::Command::new(EXE)
            .args(flags)
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(said), "{flags:?}: {error}");
    }
}
