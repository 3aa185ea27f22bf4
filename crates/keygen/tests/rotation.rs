//! Keys that take over from others, as a shell makes them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "rotation/crash.rs"]
mod crash;
mod shell;

use std::fs::{self, File};

use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::ApiKeys;
use mcp_auth::authn::jwt::{KeySet, Keys, Signer, Signers};
use mcp_auth::secret;
use shell::Shell;
use store::Store;

fn in_hours(hours: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(hours)
}

#[test]
fn a_secret_takes_over_at_its_moment_and_the_one_before_goes_later() {
    let shell = Shell::new();
    assert!(shell.fails(&["secret", "--rotate"]).contains("keygen -- secret"), "there is none");
    shell.ok(&["secret"]);
    let file = shell.path("keys/jwt.secret");
    let first = secret::read(&file).unwrap();
    let old = Signer::hs256(&first).unwrap().kid().to_owned();

    let made = shell.json(&["secret", "--rotate", "--at", "1h", "--overlap", "2h"]);
    assert_eq!(shell.mode("keys/jwt.secret"), 0o600);
    let new = made["keys"][1]["kid"].as_str().unwrap();
    assert_eq!(made["keys"][0]["kid"], old.as_str());
    let text = secret::read(&file).unwrap();
    let signers = Signers::hs256(&text).unwrap();
    assert_eq!(signers.at(Timestamp::now()).unwrap().kid(), old);
    assert_eq!(signers.at(in_hours(2)).unwrap().kid(), new);
    let keys = KeySet::hs256(&text).unwrap();
    let until = keys.find(Some(&old)).unwrap().unwrap().until().unwrap();
    assert!(until > in_hours(2) && until < in_hours(4), "{until}");
    assert!(keys.find(Some(new)).unwrap().unwrap().until().is_none());

    let error = shell.fails(&["secret", "--rotate"]);
    assert!(error.contains("rotate again after that"), "{error}");
    assert!(shell.ok(&["secret", "--prune"]).contains("nothing to remove"));
    // A day later, say.
    let over = text.replace(&until.to_string(), "2020-01-01T00:00:00Z");
    secret::write(&file, &over, true).unwrap();
    assert_eq!(shell.json(&["secret", "--prune"])["removed"][0], old.as_str());
    let text = secret::read(&file).unwrap();
    assert!(!text.contains(first.as_str()), "the old one is there still");
    assert_eq!(Signers::hs256(&text).unwrap().at(in_hours(2)).unwrap().kid(), new);
}

#[test]
fn nothing_secret_is_told_and_the_fix_names_the_file_that_was_named() {
    let shell = Shell::new();
    shell.ok(&["secret", "--out", "my secret"]);
    let text = shell.ok(&["secret", "--out", "my secret", "--rotate"]);
    for line in secret::read(&shell.path("my secret")).unwrap().lines() {
        assert!(line.is_empty() || line.contains(": ") || !text.contains(line), "{text}");
    }
    assert!(text.contains("keygen -- secret --prune --out 'my secret'"), "{text}");
    for flags in [&["--at", "10s"][..], &["--overlap", "1h"], &["--rotate", "--prune"]] {
        let output = shell.run(&[&["secret", "--out", "my secret"], flags].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
    }
    let error = shell.fails(&["secret", "--out", "my secret", "--rotate", "--at", "1s"]);
    assert!(error.contains("--at 10s"), "{error}");
    secret::write(&shell.path("my secret"), "Sign-From: soon\nx\n", true).unwrap();
    let error = shell.fails(&["secret", "--out", "my secret", "--rotate"]);
    assert!(error.contains("line 1: ") && error.contains("--force --out 'my secret'"), "{error}");
}

#[test]
fn a_pair_takes_over_and_both_files_say_so() {
    let shell = Shell::new();
    assert!(shell.fails(&["rsa", "--rotate"]).contains("keygen -- rsa"), "there is none");
    let old = shell.json(&["rsa"])["kid"].as_str().unwrap().to_owned();
    let made = shell.json(&["rsa", "--rotate"]);
    let new = made["keys"][1]["kid"].as_str().unwrap();
    assert_eq!(
        (shell.mode("keys/rsa_private.pem"), shell.mode("keys/rsa_public.pem")),
        (0o600, 0o644)
    );
    let private = secret::read(&shell.path("keys/rsa_private.pem")).unwrap();
    let public = fs::read_to_string(shell.path("keys/rsa_public.pem")).unwrap();
    assert!(!public.contains("PRIVATE"));
    let signers = Signers::rs256(&private).unwrap();
    assert_eq!(signers.at(Timestamp::now()).unwrap().kid(), old);
    assert_eq!(signers.at(in_hours(1)).unwrap().kid(), new);
    let keys = KeySet::rs256(&public).unwrap();
    let until = |kid| keys.find(Some(kid)).unwrap().unwrap().until();
    assert!(until(&old).unwrap() > in_hours(23) && until(new).is_none());

    // Who lost the public half has it again, with all that was said.
    fs::remove_file(shell.path("keys/rsa_public.pem")).unwrap();
    shell.ok(&["init"]);
    assert_eq!(fs::read_to_string(shell.path("keys/rsa_public.pem")).unwrap(), public);

    // A token is under the key whose turn it is.
    let token = shell.json(&["token", "--role", "Officer", "--sub", "bob"]);
    assert_eq!(token["kid"], old.as_str());
    let over = private.replace(&until(&old).unwrap().to_string(), "2020-01-01T00:00:00Z");
    secret::write(&shell.path("keys/rsa_private.pem"), &over, true).unwrap();
    assert_eq!(shell.json(&["rsa", "--prune"])["removed"][0], old.as_str());
    let public = fs::read_to_string(shell.path("keys/rsa_public.pem")).unwrap();
    let kids: Vec<_> =
        KeySet::rs256(&public).unwrap().iter().map(|key| key.kid().to_owned()).collect();
    assert_eq!(kids, [new]);
}

#[test]
fn two_at_once_do_not_undo_each_other() {
    let shell = Shell::new();
    shell.ok(&["secret"]);
    let held = File::open(shell.path("keys")).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| shell.run(&["secret", "--rotate"]).status.success());
        let second = scope.spawn(|| shell.run(&["secret", "--rotate"]).status.success());
        std::thread::sleep(std::time::Duration::from_millis(300));
        let text = secret::read(&shell.path("keys/jwt.secret")).unwrap();
        assert!(!text.contains("Sign-From"), "it did not wait");
        held.unlock().unwrap();
        let done = [first, second].map(|one| one.join().unwrap());
        // The other hears that one is under way.
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
    });
    let text = secret::read(&shell.path("keys/jwt.secret")).unwrap();
    assert_eq!(KeySet::hs256(&text).unwrap().iter().count(), 2);
}

#[tokio::test]
async fn an_api_key_takes_over_with_the_same_rights_and_the_one_before_ends() {
    let shell = Shell::new();
    let create = ["apikey", "create", "--owner", "bob", "--name", "Bob's laptop"];
    let rights =
        ["--grant", "get_*", "--role", "customer", "--user-number", "1", "--expires", "30d"];
    let old = shell.json(&[&create[..], &rights].concat());
    let id = old["id"].as_str().unwrap();
    let made = shell.json(&["apikey", "rotate", id, "--overlap", "1h"]);
    let next = made["id"].as_str().unwrap();
    assert_eq!(made["file"], format!("keys/clients/bob-{next}.apikey"));
    assert_eq!(shell.mode(made["file"].as_str().unwrap()), 0o600);
    assert_eq!((&made["former"]["id"], &made["chain"]), (&old["id"], &old["id"]));

    let server = ApiKeys::new(Store::open(&shell.path("keys/credentials.db")).unwrap(), false);
    let [first, second] = ["keys/clients/bob.apikey", made["file"].as_str().unwrap()]
        .map(|file| secret::read(&shell.path(file)).unwrap());
    let former = server.verify(&first).await.unwrap();
    let latter = server.verify(&second).await.unwrap();
    let end = former.expires.unwrap();
    assert!(end > Timestamp::now() && end < in_hours(2), "{end}");
    assert!(latter.expires.unwrap() > in_hours(29 * 24));
    assert_eq!(latter.owner(), former.owner());
    // To sessions and limits they are one client.
    assert_eq!(latter.client, former.client);
    assert_eq!((&latter.grants, &latter.roles), (&former.grants, &former.roles));
    assert_eq!((&latter.user_number, &latter.name), (&former.user_number, &former.name));

    let error = shell.fails(&["apikey", "rotate", id]);
    assert!(error.contains(next) && error.contains("rotate that one"), "{error}");
    let text = shell.ok(&["apikey", "rotate", next, "--show"]);
    assert!(text.contains("mcpk_") && text.contains(&format!("apikey revoke {next}")), "{text}");
    assert!(shell.fails(&["apikey", "rotate", "0000000000000000"]).contains("apikey list"));
    assert!(shell.fails(&["apikey", "rotate", "bob"]).contains("16 hexadecimal digits"));
}

#[test]
fn whoever_takes_over_from_a_key_whose_successor_was_revoked_lives_as_long() {
    let shell = Shell::new();
    let create = ["apikey", "create", "--owner", "bob", "--name", "Laptop", "--expires", "30d"];
    let old = shell.json(&create);
    let rotate = ["apikey", "rotate", old["id"].as_str().unwrap(), "--overlap", "1h"];
    let lost = shell.json(&rotate);
    shell.ok(&["apikey", "revoke", lost["id"].as_str().unwrap()]);
    let next = shell.json(&rotate);
    let ends: Timestamp = next["expires"].as_str().unwrap().parse().unwrap();
    assert!(ends > in_hours(29 * 24), "{ends}");
}

#[test]
fn what_is_over_is_not_all_removed() {
    let shell = Shell::new();
    shell.ok(&["secret"]);
    let file = shell.path("keys/jwt.secret");
    let text = format!("Verify-Until: 2020-01-01T00:00:00Z\n{}\n", *secret::read(&file).unwrap());
    secret::write(&file, &text, true).unwrap();
    for flag in ["--prune", "--rotate"] {
        let error = shell.fails(&["secret", flag]);
        assert!(error.contains("is over") && error.contains("secret --force"), "{error}");
        assert_eq!(*secret::read(&file).unwrap(), text.trim_end());
    }
}

#[test]
fn a_link_goes_on_to_lead_to_the_keys() {
    let shell = Shell::new();
    shell.ok(&["secret", "--out", "elsewhere/secret"]);
    shell.ok(&["rsa"]);
    fs::rename(shell.path("keys/rsa_private.pem"), shell.path("elsewhere/private")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/secret", shell.path("keys/jwt.secret")).unwrap();
    let link = shell.path("keys/rsa_private.pem");
    std::os::unix::fs::symlink("../elsewhere/private", &link).unwrap();
    shell.ok(&["secret", "--rotate"]);
    shell.ok(&["rsa", "--rotate"]);
    assert!(link.is_symlink() && shell.path("keys/jwt.secret").is_symlink());
    let text = secret::read(&shell.path("elsewhere/secret")).unwrap();
    assert_eq!(KeySet::hs256(&text).unwrap().iter().count(), 2);
    assert!(Signers::rs256(&secret::read(&link).unwrap()).unwrap().at(in_hours(1)).is_some());
    assert_eq!(fs::read_dir(shell.path("elsewhere")).unwrap().count(), 2);
}

#[test]
fn a_pair_that_is_not_replaced_is_there_still() {
    let shell = Shell::new();
    shell.ok(&["rsa"]);
    let file = "keys/rsa_private.pem";
    let (private, public) = (shell.path(file), shell.path("keys/rsa_public.pem"));
    let before = secret::read(&private).unwrap();
    // A folder in its place: the public half cannot be written.
    fs::remove_file(&public).unwrap();
    fs::create_dir(&public).unwrap();
    assert!(shell.fails(&["rsa", "--force"]).contains("rsa_public.pem"));
    assert_eq!(*secret::read(&private).unwrap(), *before);
    assert_eq!(fs::read_dir(shell.path("keys")).unwrap().count(), 2);
}

#[test]
fn a_key_that_nobody_received_is_not_kept_and_the_one_before_stays() {
    let shell = Shell::new();
    fs::write(shell.path("file"), "").unwrap();
    let old = shell.json(&["apikey", "create", "--owner", "bob", "--name", "Laptop"]);
    let id = old["id"].as_str().unwrap();
    let error = shell.fails(&["apikey", "rotate", id, "--out", "file/bob"]);
    assert!(error.contains("file/bob"), "{error}");
    let list = shell.json(&["apikey", "list"]);
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["expires"]),
        (1, &serde_json::Value::Null)
    );
    shell.ok(&["apikey", "revoke", id]);
    let error = shell.fails(&["apikey", "rotate", id]);
    assert!(error.contains("revoked or has ended"), "{error}");
}
