//! The real program, as a shell runs it.

mod shell;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use mcp_auth::authn::apikey::ApiKeys;
use mcp_auth::authn::client::{ClientLookup, secret_matches};
use mcp_auth::authn::jwt::{
    JwtVerifier, KeySet, Revocations, Rules, Signer, TokenName, VerifyingKey,
};
use mcp_auth::secret;
use serde_json::Value;
use shell::Shell;
use store::Store;

#[test]
fn a_pair_is_made_once_and_its_halves_belong_together() {
    let shell = Shell::new();
    let made = shell.json(&["rsa"]);
    assert_eq!((shell.mode("keys/rsa_private.pem"), shell.mode("keys")), (0o600, 0o700));
    let private = secret::read(&shell.path("keys/rsa_private.pem")).unwrap();
    let public = fs::read_to_string(shell.path("keys/rsa_public.pem")).unwrap();
    assert_eq!(made["kid"], Signer::rs256(&private).unwrap().kid());
    assert_eq!(made["kid"], VerifyingKey::rs256(&public).unwrap().kid());

    assert!(shell.fails(&["rsa"]).contains("--force"));
    assert_eq!(*secret::read(&shell.path("keys/rsa_private.pem")).unwrap(), *private);
    let text = shell.ok(&["rsa", "--bits", "3072", "--force"]);
    assert!(text.contains("cargo run -p rbac-server") && !text.contains("PRIVATE"), "{text}");
    assert_ne!(*secret::read(&shell.path("keys/rsa_private.pem")).unwrap(), *private);
    assert!(shell.fails(&["rsa", "--bits", "1024", "--force"]).contains("2048"));
}

#[test]
fn half_a_pair_is_not_made_whole_with_a_stranger() {
    let shell = Shell::new();
    shell.ok(&["rsa"]);
    let public = fs::read_to_string(shell.path("keys/rsa_public.pem")).unwrap();
    fs::remove_file(shell.path("keys/rsa_private.pem")).unwrap();
    assert!(shell.fails(&["rsa"]).contains("rsa_public.pem exists already"));
    assert!(!shell.path("keys/rsa_private.pem").exists());
    shell.ok(&["init"]);
    assert_eq!(fs::read_to_string(shell.path("keys/rsa_public.pem")).unwrap(), public);
    assert!(!shell.path("keys/rsa_private.pem").exists());
}

#[test]
fn a_secret_is_made_once() {
    let shell = Shell::new();
    let text = shell.ok(&["secret"]);
    let secret = secret::read(&shell.path("keys/jwt.secret")).unwrap();
    assert!(Signer::hs256(&secret).is_ok() && !text.contains(secret.as_str()));
    assert!(shell.fails(&["secret"]).contains("--force"));
    let text = shell.ok(&["secret", "--out", "my secret", "--keys", "other"]);
    assert_eq!(shell.mode("my secret"), 0o600);
    assert!(text.contains("jwt-server -- --keys other --secret-file 'my secret'"), "{text}");
    assert!(!shell.path("other").exists());
    assert_eq!(*secret::read(&shell.path("keys/jwt.secret")).unwrap(), *secret);
    shell.ok(&["secret", "--force"]);
    assert_ne!(*secret::read(&shell.path("keys/jwt.secret")).unwrap(), *secret);
}

#[tokio::test]
async fn a_key_is_made_used_listed_and_revoked() {
    let shell = Shell::new();
    let create = ["apikey", "create", "--owner", "bob", "--name", "Bob's laptop"];
    let options = ["--grant", "get_*", "--grant", "list_shopping_items", "--expires", "30d"];
    let narrow = ["--user-number", "1", "--read-only", "--rate", "10/min"];
    let made = shell.json(&[&create[..], &options, &narrow].concat());
    assert_eq!(shell.mode("keys/clients/bob.apikey"), 0o600);
    assert!(made.get("key").is_none());
    let key = secret::read(&shell.path("keys/clients/bob.apikey")).unwrap();
    let server = ApiKeys::new(Store::open(&shell.path("keys/credentials.db")).unwrap(), false);
    let identity = server.verify(&key).await.unwrap();
    assert_eq!((identity.user.as_str(), identity.user_number.as_deref()), ("bob", Some("1")));
    assert_eq!(identity.grants, ["get_*", "list_shopping_items"]);
    assert!(identity.expires.is_some() && identity.read_only && identity.rate.is_some());
    let never = shell.run(&[&create[..], &["--rate", "never"]].concat());
    assert!(String::from_utf8_lossy(&never.stderr).contains("such as 600/min"));

    let id = made["id"].as_str().unwrap();
    let list = shell.ok(&["apikey", "list"]);
    assert!(list.contains("list_shopping_items (read-only, 10/min,10)"), "{list}");
    assert!(list.contains(id) && list.contains("Bob's laptop") && !list.contains(key.as_str()));
    let start = Instant::now();
    assert!(shell.ok(&["apikey", "revoke", id]).contains("revoked API key"));
    assert!(shell.ok(&["apikey", "revoke", id]).contains("revoked already"));
    assert_eq!(shell.json(&["apikey", "list"])[0]["state"], "revoked");
    while server.verify(&key).await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10), "the server still takes it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    assert!(shell.fails(&["apikey", "revoke", "0000000000000000"]).contains("apikey list"));
    assert!(shell.fails(&["apikey", "revoke", "bob"]).contains("16 hexadecimal digits"));
}

#[test]
fn a_second_key_leaves_the_first_alone() {
    let shell = Shell::new();
    let create = ["apikey", "create", "--owner", "bob", "--name", "Laptop"];
    shell.ok(&create);
    let first = secret::read(&shell.path("keys/clients/bob.apikey")).unwrap();
    let second = shell.json(&create);
    let file = second["file"].as_str().unwrap();
    assert_eq!(file, format!("keys/clients/bob-{}.apikey", second["id"].as_str().unwrap()));
    assert_eq!(*secret::read(&shell.path("keys/clients/bob.apikey")).unwrap(), *first);
    let sentence = shell.fails(&[&create[..], &["--out", "keys/clients/bob.apikey"]].concat());
    assert!(sentence.contains("--force"), "{sentence}");
    assert_eq!(shell.json(&["apikey", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn a_secret_is_printed_for_whoever_asks_and_then_lies_nowhere() {
    let shell = Shell::new();
    let text = shell.ok(&["apikey", "create", "--owner", "bob", "--name", "Laptop", "--show"]);
    assert!(text.contains("mcpk_"), "{text}");
    let client = shell.json(&["client", "create", "--owner", "bob", "--name", "Report", "--show"]);
    let secret = client["client_secret"].as_str().unwrap();
    assert!(!shell.path("keys/clients").exists());
    for entry in fs::read_dir(shell.path("keys")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn nothing_is_half_done_where_nothing_can_be_written() {
    let shell = Shell::new();
    fs::write(shell.path("file"), "").unwrap();
    let create = ["create", "--owner", "bob", "--name", "Laptop"];
    for kind in ["apikey", "client"] {
        let args = [&[kind], &create[..], &["--out", "file/bob"]].concat();
        let sentence = shell.fails(&args);
        assert!(
            sentence.contains("file/bob") && sentence.contains("check the folder"),
            "{sentence}"
        );
        assert_eq!(shell.json(&[kind, "list"]), serde_json::json!([]));
    }
    for command in [&["rsa"][..], &["secret"], &["init"], &["apikey", "list"]] {
        let sentence = shell.fails(&[command, &["--keys", "file"]].concat());
        assert!(sentence.contains("file"), "{sentence}");
    }
    fs::write(shell.path("other.db"), "no database at all".repeat(99)).unwrap();
    fs::set_permissions(shell.path("other.db"), fs::Permissions::from_mode(0o600)).unwrap();
    let sentence = shell.fails(&["apikey", "list", "--store", "other.db"]);
    assert!(sentence.contains("not a credential store"), "{sentence}");
    assert!(shell.fails(&["apikey", "create", "--owner", "", "--name", "x"]).contains("owner"));
}

#[tokio::test]
async fn a_client_is_made_used_listed_and_revoked() {
    let shell = Shell::new();
    let create = ["client", "create", "--owner", "alice", "--name", "Report"];
    let made = shell.json(&[&create[..], &["--scope", "weather:read payments:read"]].concat());
    assert_eq!(shell.mode("keys/clients/alice.client.json"), 0o600);
    let file = secret::read(&shell.path("keys/clients/alice.client.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let (id, secret) =
        (file["client_id"].as_str().unwrap(), file["client_secret"].as_str().unwrap());
    assert_eq!(made["client_id"], id);
    let store = Store::open(&shell.path("keys/credentials.db")).unwrap();
    let record = store.find_client(id).await.unwrap().unwrap();
    assert!(secret_matches(Some(&record), secret));
    assert_eq!(record.scopes, ["weather:read", "payments:read"]);

    let list = shell.ok(&["client", "list"]);
    assert!(list.contains(id) && list.contains("alice") && !list.contains(secret));
    let live = TokenName {
        jti: Some("live"),
        client: Some(id),
        issued: Some(i64::MAX),
        ..TokenName::default()
    };
    assert!(!store.is_revoked(live).unwrap());
    assert!(shell.ok(&["client", "revoke", id]).contains("those it has are refused"));
    assert!(Store::open(store.path()).unwrap().is_revoked(live).unwrap());
    assert_eq!(shell.json(&["client", "list"])[0]["state"], "revoked");
    assert!(shell.fails(&["client", "revoke", "nobody"]).contains("client list"));
}

#[test]
fn a_token_says_what_it_was_told_to() {
    let shell = Shell::new();
    let token = ["token", "--role", "Manager", "--sub", "bob"];
    assert!(shell.fails(&token).contains("cargo run -p keygen -- rsa"));
    shell.ok(&["rsa"]);
    let public = fs::read_to_string(shell.path("keys/rsa_public.pem")).unwrap();
    let verify = |token: &str, rules: Rules| {
        JwtVerifier::new(KeySet::from(VerifyingKey::rs256(&public).unwrap()), rules).verify(token)
    };
    let text = shell.ok(&[&token[..], &["--name", "Bob", "--id", "1"]].concat());
    let identity =
        verify(text.trim_end(), Rules::new("https://dev-issuer.com", "my-mcp-server")).unwrap();
    assert_eq!(
        (identity.user.as_str(), identity.roles.as_slice()),
        ("bob", &["Manager".into()][..])
    );
    assert_eq!(
        (identity.name.as_deref(), identity.user_number.as_deref()),
        (Some("Bob"), Some("1"))
    );

    let elsewhere = ["--issuer", "https://a.example", "--audience", "b", "--ttl", "90s"];
    shell.ok(&[&token[..], &elsewhere, &["--out", "t.jwt", "--scope", "x y"]].concat());
    assert_eq!(shell.mode("t.jwt"), 0o600);
    let text = secret::read(&shell.path("t.jwt")).unwrap();
    assert_eq!(verify(&text, Rules::new("https://a.example", "b")).unwrap().scopes, ["x", "y"]);
    assert!(shell.fails(&[&token[..], &["--ttl", "25h"]].concat()).contains("24h"));
    assert!(shell.fails(&["token", "--role", "", "--sub", "bob"]).contains("--role"));

    fs::set_permissions(shell.path("keys/rsa_private.pem"), fs::Permissions::from_mode(0o644))
        .unwrap();
    assert!(shell.fails(&token).contains("chmod 600"));
}

#[test]
fn a_token_is_revoked_by_its_name_and_stays_so() {
    let shell = Shell::new();
    let create = ["client", "create", "--owner", "bob", "--name", "Report"];
    let client = shell.json(&create);
    let id = client["client_id"].as_str().unwrap();
    let store = Store::open(&shell.path("keys/credentials.db")).unwrap();
    let named = |jti| TokenName {
        jti: Some(jti),
        client: Some(id),
        issued: Some(i64::MAX),
        ..TokenName::default()
    };
    let lost = "0197f3f0-0000-7000-8000-00000000000a";
    let error = shell.fails(&["token", "revoke", "lost", "--client", id]);
    assert!(error.contains("a UUID"), "{error}");
    let text = shell.ok(&["token", "revoke", lost, "--client", id]);
    assert!(
        text.contains(&format!("the token {lost} of")) && text.contains("refused from now on"),
        "{text}"
    );
    let start = Instant::now();
    while !store.is_revoked(named(lost)).unwrap() {
        assert!(start.elapsed() < Duration::from_secs(10), "the server still takes it");
    }
    assert!(!store.is_revoked(named("kept")).unwrap());
    let shouted = lost.to_uppercase();
    let again = shell.ok(&["token", "revoke", &shouted, "--client", id]);
    assert!(again.contains("revoked already"), "{again}");
    let error = shell.fails(&["token", "revoke", lost, "--client", "nobody"]);
    assert!(error.contains("client list"), "{error}");
    for args in [&["token", "revoke", lost][..], &["token", "--role", "Officer"], &["token"]] {
        assert_eq!(shell.run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_fix_is_for_the_folder_and_the_store_that_were_named() {
    let shell = Shell::new();
    let place = ["--keys", "my keys", "--store", "own.db"];
    let fails = |args: &[&str]| shell.fails(&[args, &place].concat());
    let flags = "--keys 'my keys' --store own.db";
    for (kind, id) in [("apikey", "0000000000000000"), ("client", "zzz")] {
        let sentence = fails(&[kind, "revoke", id]);
        assert!(sentence.contains(id) && sentence.contains("own.db"), "{sentence}");
        assert!(sentence.contains(&format!("keygen -- {flags} {kind} list")), "{sentence}");
    }
    let text = shell.ok(&[&["apikey", "list"][..], &place].concat());
    assert!(text.contains("--grant '*'"), "{text}");
    let text = shell.ok(&[&["client", "list"][..], &place].concat());
    assert!(text.contains("--scope \"weather:read "), "{text}");

    let token = ["token", "--role", "Manager", "--sub", "bob"];
    let sentence = fails(&token);
    assert!(sentence.contains("keygen -- rsa --keys 'my keys'"), "{sentence}");
    let private = shell.path("my keys/rsa_private.pem");
    secret::write(&private, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", false)
        .unwrap();
    for command in [&token[..], &["init"]] {
        let sentence = fails(command);
        assert!(sentence.contains("my keys/rsa_private.pem"), "{sentence}");
        assert!(sentence.contains("keygen -- rsa --force --keys 'my keys'"), "{sentence}");
    }
}

#[test]
fn who_asks_for_json_is_told_of_failures_in_json() {
    let shell = Shell::new();
    let output = shell.run(&["--json", "apikey", "revoke", "bob"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty());
    let document: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    assert_eq!(document["ok"], false);
    let message = document["message"].as_str().unwrap();
    assert!(message.contains("16 hexadecimal digits"), "{message}");

    fs::write(shell.path(".env"), "MCP_JSON=maybe\n").unwrap();
    let sentence = shell.fails(&["secret"]);
    assert!(sentence.contains("MCP_JSON") && sentence.contains("true or false"), "{sentence}");
    assert!(!shell.path("keys").exists());
}

#[test]
fn init_makes_what_is_missing_and_keeps_the_rest() {
    let shell = Shell::new();
    shell.ok(&["secret", "--keys", "my keys"]);
    let secret = secret::read(&shell.path("my keys/jwt.secret")).unwrap();
    let text = shell.ok(&["init", "--keys", "my keys"]);
    assert!(text.contains("kept  my keys/jwt.secret"), "{text}");
    assert!(text.contains("made  my keys/rsa_public.pem"), "{text}");
    assert!(text.contains("cargo run -p apikey-server -- --keys 'my keys'"), "{text}");
    for name in ["bob.apikey", "alice.apikey", "bob.client.json", "alice.client.json"] {
        assert_eq!(shell.mode(&format!("my keys/clients/{name}")), 0o600);
    }
    assert_eq!(*secret::read(&shell.path("my keys/jwt.secret")).unwrap(), *secret);

    assert!(text.contains("API keys and clients of bob and alice"), "{text}");

    let again = shell.json(&["init", "--keys", "my keys"]);
    assert_eq!(again.as_array().unwrap().len(), 8, "{again}");
    assert!(again.as_array().unwrap().iter().all(|outcome| outcome["made"] == false), "{again}");
    fs::remove_file(shell.path("my keys/rsa_public.pem")).unwrap();
    assert!(shell.ok(&["init", "--keys", "my keys"]).contains("made  my keys/rsa_public.pem"));
}

#[test]
fn init_speaks_of_demo_credentials_only_where_there_are_some() {
    let shell = Shell::new();
    shell.ok(&["apikey", "create", "--owner", "carol", "--name", "n"]);
    let text = shell.ok(&["init"]);
    assert!(text.contains("\nThe clients of bob and alice"), "{text}");
    shell.ok(&["--keys", "own", "apikey", "create", "--owner", "carol", "--name", "n"]);
    shell.ok(&["--keys", "own", "client", "create", "--owner", "carol", "--name", "n"]);
    let text = shell.ok(&["init", "--keys", "own"]);
    assert!(text.contains("credentials of your own"), "{text}");
    assert!(!text.contains("for trying out"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_used_is_put_right_with_the_flag_that_named_it() {
    let sentence = Shell::new().fails(&["apikey", "list", "--keys", "/proc/nowhere"]);
    assert!(sentence.contains("--keys"), "{sentence}");
}

#[test]
fn an_environment_file_is_read_and_never_repeated() {
    let shell = Shell::new();
    fs::write(shell.path(".env"), "MCP_KEYS=elsewhere\nMCP_JSON=1\n").unwrap();
    assert!(shell.ok(&["secret"]).starts_with('{'));
    assert!(shell.path("elsewhere/jwt.secret").exists());
    fs::write(shell.path(".env"), "hunter2 hunter2\n").unwrap();
    let sentence = shell.fails(&["secret"]);
    assert!(sentence.contains(".env") && !sentence.contains("hunter2"), "{sentence}");
}

#[test]
fn an_environment_file_that_others_can_change_is_not_obeyed() {
    let shell = Shell::new();
    fs::write(shell.path(".env"), "MCP_KEYS=elsewhere\n").unwrap();
    fs::set_permissions(shell.path(".env"), Permissions::from_mode(0o666)).unwrap();
    assert!(shell.fails(&["secret"]).contains("chmod 600 .env"));
    assert!(!shell.path("elsewhere").exists());
}

#[test]
fn help_teaches() {
    let shell = Shell::new();
    let help = shell.ok(&["--help"]);
    for word in
        ["init", "rsa", "secret", "apikey", "client", "token", "--keys", "--json", "MCP_KEYS"]
    {
        assert!(help.contains(word), "{word}");
    }
    let wrong =
        shell.run(&["apikey", "create", "--owner", "b", "--name", "n", "--expires", "soon"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("30d"));
}
