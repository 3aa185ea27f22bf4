//! T14: the key pair is replaced while clients call, at the server that has the file, and at one
//! that asks the first for its keys.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use clap::Parser;
use jiff::Timestamp;
use mcp_auth::authn::jwt::{KeySet, Signers};
use mcp_auth::secret;
use serde_json::Value;
use store::Store;

use super::binary::Server;
use super::place::{ANY_PORT, EXE, Place, bearer, in_time};

const FLAGS: &[&str] = &[ANY_PORT[0], ANY_PORT[1], ANY_PORT[2], ANY_PORT[3], "--rate-limit", "off"];

fn keygen(place: &Place, args: &[&str]) {
    let keys = place.path("keys");
    let words = ["keygen", "--keys", keys.to_str().unwrap()];
    let cli = keygen::cli::Cli::try_parse_from(words.iter().chain(args)).unwrap();
    keygen::run(cli).map_err(|error| error.to_string()).unwrap();
}

/// A header with a token under the key whose turn it is, and that key's name.
fn fresh(place: &Place) -> (String, String) {
    let text = secret::read(&place.path("keys/rsa_private.pem")).unwrap();
    let signers = Signers::rs256(&text).unwrap();
    let signer = signers.at(Timestamp::now()).unwrap();
    (bearer(signer, "Officer"), signer.kid().to_owned())
}

#[test]
fn a_pair_is_replaced_and_no_request_is_refused_meanwhile() {
    let place = Place::new();
    let first = Server::start(EXE, place.folder(), FLAGS, &[]);
    let other = tempfile::tempdir().unwrap();
    let url = format!("http://{}/jwks.json", first.address);
    let flags = [FLAGS, &["--jwks", &url, "--jwks-refresh", "1s"]].concat();
    let second = Server::start(EXE, other.path(), &flags, &[]);
    in_time("it is not ready", || second.send("GET", "/readyz", &[], "").status == 200);
    let status = |server: &Server, bearer: &str| server.call(bearer, "whoami", "{}").status;
    let (old, old_kid) = fresh(&place);

    let (done, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for server in [&first, &second] {
            let (place, done, calls) = (&place, &done, &calls);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let (bearer, kid) = fresh(place);
                    assert_eq!(server.call(&bearer, "whoami", "{}").status, 200, "{kid}");
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        keygen(&place, &["rsa", "--rotate", "--at", "10s", "--overlap", "6s"]);
        let public = fs::read_to_string(place.path("keys/rsa_public.pem")).unwrap();
        let until = KeySet::rs256(&public).unwrap().iter().next().unwrap().until().unwrap();
        in_time("the new key does not sign", || fresh(&place).1 != old_kid);
        for server in [&first, &second] {
            let found = status(server, &old);
            assert!(found == 200 || Timestamp::now() >= until, "the old one ended early: {found}");
        }
        for server in [&first, &second] {
            in_time("the old key verifies still", || status(server, &old) == 401);
        }
        assert!(Timestamp::now() >= until, "the old one ended early");
        done.store(true, Ordering::SeqCst);
    });
    assert!(calls.load(Ordering::SeqCst) > 10, "there was no load");
    // Which keys they were is known afterwards, also where they came from an issuer.
    for (folder, until_is_known) in [(place.folder(), true), (other.path(), false)] {
        let store = Store::open(&folder.join("keys/credentials.db")).unwrap();
        in_time("the keys are not in the store", || {
            let keys = store.list_signing_keys().unwrap();
            let old = keys.iter().find(|stored| stored.key.kid == old_kid);
            keys.len() == 2 && old.is_some_and(|old| old.key.until.is_some() == until_is_known)
        });
    }
}

#[test]
fn the_public_keys_are_served_and_nothing_else_of_them() {
    let place = Place::new();
    let server = Server::start(EXE, place.folder(), FLAGS, &[]);
    let keys = || {
        let answer = server.send("GET", "/jwks.json", &[], "");
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("content-type: application/jwk-set+json"), "{}", answer.head);
        let set: Value = serde_json::from_str(&answer.body).unwrap();
        set["keys"].as_array().unwrap().clone()
    };
    let [only] = keys().try_into().unwrap();
    let mut members: Vec<_> = only.as_object().unwrap().keys().cloned().collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!((&only["alg"], &only["use"]), (&"RS256".into(), &"sig".into()));
    assert_eq!(only["kid"], place.pair.kid.as_str());
    // Before it signs, so that whoever follows has it by then.
    keygen(&place, &["rsa", "--rotate", "--at", "1h"]);
    in_time("the next key is not served", || keys().len() == 2);
    assert!(server.banner.contains("GET /jwks.json"), "{}", server.banner);
    let metadata = server.send("GET", "/.well-known/oauth-protected-resource", &[], "");
    // RFC 9728 §2: those would be keys of the resource itself, which signs nothing.
    assert!(metadata.status == 200 && !metadata.body.contains("jwks_uri"), "{}", metadata.body);
}
