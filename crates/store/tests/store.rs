//! The store from outside: one process, and two handles on one file as a server and `keygen` have them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use mcp_auth::authn::apikey::{ApiKeys, Lookup, PlainKey};
use mcp_auth::authn::client::{ClientLookup, PlainClient, secret_matches};
use store::{NewClient, NewKey, Revocation, Store, StoreError, demo};

/// What is promised for a change that another process makes.
const SOON: Duration = Duration::from_millis(250);

#[tokio::test]
async fn what_another_process_changes_is_seen_soon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.db");
    let server = ApiKeys::new(Store::open(&path).unwrap(), false);
    let keygen = Store::open(&path).unwrap();
    let mut delays = Vec::new();
    for _ in 0..3 {
        let key = PlainKey::mint();
        assert_eq!(server.verify(key.reveal()).await.unwrap_err().status(), 401);

        keygen.insert_key(NewKey::of(&key, "bob", "Laptop")).unwrap();
        delays.push(eventually(async || server.verify(key.reveal()).await.is_ok()).await);
        let identity = server.verify(key.reveal()).await.unwrap();
        assert_eq!(identity.owner(), (store::KEY_ISSUER, "bob"));
        assert_eq!(identity.client, key.id().to_string());
        assert_eq!(identity.credential, key.id().to_string());

        assert!(matches!(keygen.revoke_key(key.id()).unwrap(), Revocation::Now(_)));
        delays.push(eventually(async || server.verify(key.reveal()).await.is_err()).await);
        assert!(matches!(keygen.revoke_key(key.id()).unwrap(), Revocation::Already(_)));
    }
    // One of several, because a busy machine may leave any of them waiting.
    assert!(delays.iter().min() < Some(&SOON), "{delays:?}");
}

#[tokio::test]
async fn one_process_sees_its_own_changes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("credentials.db")).unwrap();
    let (key, client) = (PlainKey::mint(), PlainClient::mint());
    store.insert_key(NewKey::of(&key, "bob", "Laptop")).unwrap();
    store.insert_client(NewClient::of(&client, "alice", "Report")).unwrap();
    assert!(store.find(key.id()).await.unwrap().is_some());
    let record = store.find_client(client.id()).await.unwrap();
    assert!(secret_matches(record.as_deref(), client.reveal_secret()));

    store.revoke_client(client.id()).unwrap();
    let record = store.find_client(client.id()).await.unwrap();
    assert!(!secret_matches(record.as_deref(), client.reveal_secret()));
    assert!(matches!(store.revoke_client("nobody"), Err(StoreError::UnknownClient(_))));
    assert!(matches!(store.revoke_key(PlainKey::mint().id()), Err(StoreError::UnknownKey(_))));
    let again = store.insert_key(NewKey::of(&key, "bob", "Laptop")).unwrap_err();
    assert!(matches!(again, StoreError::Taken(_)));
    let unnamed = store.insert_key(NewKey::of(&PlainKey::mint(), " ", "Laptop")).unwrap_err();
    assert_eq!(unnamed.to_string(), "the owner must not be empty");
}

#[test]
fn no_credential_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.db");
    let (key, client) = (PlainKey::mint(), PlainClient::mint());
    let store = Store::open(&path).unwrap();
    store.insert_key(NewKey::of(&key, "bob", "Laptop")).unwrap();
    store.insert_client(NewClient::of(&client, "bob", "Report")).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(key.reveal()) && !holds(client.reveal_secret()));
        // The secret part alone.
        assert!(!holds(&key.reveal()[22..65]));
    }
}

#[test]
fn the_watch_ends_with_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.db");
    // The thread holds a connection of its own.
    let open_files = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap();
        let target =
            |file: std::io::Result<std::fs::DirEntry>| std::fs::read_link(file.unwrap().path());
        files
            .filter_map(|file| target(file).ok())
            .filter(|file| file.starts_with(folder.path()))
            .count()
    };
    let store = Store::open(&path).unwrap();
    let clone = store.clone();
    assert!(open_files() >= 2);
    drop(store);
    assert!(open_files() >= 2);
    drop(clone);
    assert_eq!(open_files(), 0);
}

#[test]
fn of_two_servers_that_start_at_once_one_makes_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.db");
    let start = || {
        let store = Store::open(&path).unwrap();
        let keys = demo::make_keys(&store, folder.path()).unwrap();
        let clients = demo::make_clients(&store, folder.path()).unwrap();
        assert!(store.has_demo_keys().unwrap() && store.has_demo_clients().unwrap());
        keys.len()
            + clients.len()
            + usize::from(demo::make_secret(folder.path()).unwrap().is_some())
    };
    let made: usize = thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(made, 5);
    for name in ["clients/bob.apikey", "clients/alice.client.json", "jwt.secret"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn the_demo_is_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("credentials.db")).unwrap();
    assert!(!store.has_demo_keys().unwrap());
    let made = demo::make_keys(&store, folder.path()).unwrap();
    let key = mcp_auth::secret::read(&made[1]).unwrap();
    let alice = ApiKeys::new(store.clone(), false).verify(&key).await.unwrap();
    assert_eq!((alice.user.as_str(), alice.user_number.as_deref()), ("alice", Some("3")));
    assert_eq!(alice.name.as_deref(), Some("Alice Personal Key"));
    assert_eq!(alice.roles, ["customer"]);
    assert!(!alice.grants.iter().any(|grant| grant == "remove_shopping_item"));

    for key in store.list_keys().unwrap() {
        store.revoke_key(key.id).unwrap();
    }
    assert!(!store.has_demo_keys().unwrap());
    assert!(demo::make_keys(&store, folder.path()).unwrap().is_empty());
}

#[test]
fn a_leftover_credential_is_named_and_nothing_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("credentials.db")).unwrap();
    let leftover = folder.path().join("clients/alice.apikey");
    mcp_auth::secret::write(&leftover, "old", false).unwrap();
    let error = demo::make_keys(&store, folder.path()).unwrap_err().to_string();
    assert!(error.contains("alice.apikey") && error.contains("delete"), "{error}");
    assert!(!folder.path().join("clients/bob.apikey").exists());
    assert!(store.list_keys().unwrap().is_empty());
    assert_eq!(*mcp_auth::secret::read(&leftover).unwrap(), "old");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

/// How long it took.
async fn eventually(condition: impl AsyncFn() -> bool) -> Duration {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(10), "it never happened");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}
