//! How far audit files go: one handle is the server's, the other that of whoever looks at them.

use mcp_auth::audit::{Heads, KeptHeads};
use mcp_auth::authn::Standing;
use store::Store;

use crate::place::{Place, eventually};

#[tokio::test]
async fn the_last_head_is_kept_apart_and_that_there_is_one_is_known_at_once() {
    let place = Place::new();
    let (server, other) = (place.server(), Store::open(&place.path).unwrap());
    assert_eq!(other.head("a").unwrap(), None);
    let changes = other.changes();
    server.keep("a", "1".to_owned());
    server.keep("b", "10".to_owned());
    assert_eq!(server.head("a").unwrap().as_deref(), Some("1"));
    let start = std::time::Instant::now();
    eventually(async || other.head("a").unwrap().as_deref() == Some("1")).await;
    assert!(start.elapsed() < std::time::Duration::from_secs(4), "it waited for its time");
    for number in 2..100 {
        server.keep("a", number.to_string());
    }
    drop(server);
    assert_eq!(other.head("a").unwrap().as_deref(), Some("99"));
    assert_eq!(other.head("b").unwrap().as_deref(), Some("10"));
    assert!(!changes.has_changed().unwrap(), "nobody is judged otherwise for it");
}
