//! The store from outside: one process, and two handles on one file as a server and `keygen` have them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use mcp_auth::authn::apikey::{ApiKeys, PlainKey};
use mcp_auth::authn::client::PlainClient;
use store::{NewClient, NewKey, Store, demo};

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
