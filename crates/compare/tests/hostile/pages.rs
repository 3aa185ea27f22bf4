//! T39: a page that was named may call, and read what it is told; another may not.

use compare::{Kind, Side};
use serve::Running;

use crate::table::raw::{Answer, Raw};

const NAMED: &str = "https://app.example";
const FOREIGN: &str = "https://evil.example";

/// What a page has to be able to send, and to read.
const SENT: [&str; 9] = [
    "authorization",
    "x-api-key",
    "content-type",
    "accept",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "mcp-session-id",
    "last-event-id",
];
const READ: [&str; 4] = ["www-authenticate", "mcp-session-id", "x-request-id", "retry-after"];

/// The flags of a server that one page may call.
pub(crate) const FLAGS: [&str; 2] = ["--allow-origin", NAMED];

/// # Panics
/// Something is otherwise.
pub(crate) async fn judge(side: &Side, running: &Running) {
    let address = running.addr.to_string();
    let to = async |raw: Raw| raw.send_to(&address).await;
    let kind = side.kind;
    let mut paths = vec!["/mcp", "/mcp/x", "/.well-known/oauth-protected-resource"];
    if kind == Kind::Jwt {
        paths.extend(["/token", "/.well-known/oauth-authorization-server"]);
    }
    for path in paths {
        let answer = to(preflight(side, path, NAMED)).await;
        assert!((200..300).contains(&answer.status), "{kind} {path}: {}", answer.whole());
        allowed(&answer, "access-control-allow-headers", &SENT);
        assert!(answer.header("access-control-allow-methods").is_some_and(|m| m.contains("POST")));

        let answer = to(preflight(side, path, FOREIGN)).await;
        assert_eq!(answer.status, 403, "{kind} {path}: {}", answer.whole());
        assert_eq!(answer.header("access-control-allow-origin"), None, "{kind} {path}");
    }
    // An OPTIONS that is no preflight needs a credential like everything there.
    for path in ["/mcp", "/mcp/x"] {
        let plain = || Raw::to(side, "OPTIONS", path);
        let asking = plain().with("access-control-request-method", "POST");
        for raw in [plain(), plain().with("origin", NAMED), asking] {
            let answer = to(raw).await;
            assert_eq!(answer.status, 401, "{kind} {path}: {}", answer.whole());
        }
    }
    // The answers themselves, refusals first of all.
    let call = || Raw::call(side).with("origin", NAMED);
    let answer = to(call()).await;
    assert_eq!(answer.status, 401, "{kind}: {}", answer.whole());
    allowed(&answer, "access-control-expose-headers", &READ);
    let answer = to(call().present(&side.wrong)).await;
    assert_eq!(answer.status, 401, "{kind}: {}", answer.whole());
    allowed(&answer, "access-control-expose-headers", &READ);

    let answer = to(Raw::call(side).with("origin", FOREIGN).present(&side.bob)).await;
    assert_eq!(answer.status, 403, "{kind}: {}", answer.whole());
    assert_eq!(answer.header("access-control-allow-origin"), None, "{kind}");
}

fn preflight(side: &Side, path: &str, origin: &str) -> Raw {
    Raw::to(side, "OPTIONS", path)
        .with("origin", origin)
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", SENT.join(","))
}

/// For this page alone, by name, and without what a browser would add by itself.
#[track_caller]
fn allowed(answer: &Answer, header: &str, names: &[&str]) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(NAMED), "{}", answer.whole());
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{}", answer.whole());
    assert!(answer.header("vary").is_some_and(|vary| vary.contains("origin")), "{}", answer.head);
    let listed = answer.header(header).unwrap_or_default().to_lowercase();
    for name in names {
        assert!(listed.contains(name), "{name} is not in {header}: {listed}");
    }
    assert!(!listed.contains('*'), "a wildcard does not cover Authorization: {listed}");
}
