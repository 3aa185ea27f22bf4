//! Who may list and call what.

use std::sync::{Arc, Mutex};

use mcp_auth::Identity;
use mcp_auth::audit::{Auditor, Auditors, Basis, Decision, Pending, Ruling};
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, ISSUER, MODERN, OLDER, all, nobody, text};

fn names(listed: &Value) -> Vec<&str> {
    listed["tools"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn without_a_permit_nothing_is_listed_or_called() {
    let endpoint = Endpoint::personal();
    let call = json!({"name": "add_shopping_item", "arguments": {"name": "tea"}});
    let before = endpoint.server.shopping_items().await.unwrap();
    for version in [MODERN, OLDER] {
        for (method, params) in [
            ("tools/list", json!({})),
            ("tools/call", json!({"name": "whoami"})),
            ("tools/call", json!({"name": "no_such_tool"})),
            ("tools/call", call.clone()),
        ] {
            let reply = endpoint.ask(None, version, method, params).await;
            assert_eq!(reply["error"]["code"], 403, "{version} {method}: {reply}");
            assert!(reply["error"]["message"].as_str().unwrap().starts_with("not permitted"));
        }
    }
    assert_eq!(endpoint.server.shopping_items().await.unwrap(), before);
}

/// Remembers what was decided.
#[derive(Default)]
struct Memory(Mutex<Vec<String>>);

impl Auditor for Memory {
    fn decided(&self, decision: &Decision<'_>) {
        let Decision { outcome, tool, basis, arguments, .. } = decision;
        let said = format!("{} {tool:?} {basis} {}", outcome.name(), arguments.is_some());
        self.0.lock().unwrap().push(said);
    }
}

#[tokio::test]
async fn each_call_is_one_decision_and_what_was_judged_before_does_not_run() {
    let mut endpoint = Endpoint::personal();
    let memory = Arc::new(Memory::default());
    let auditors: Auditors = [Arc::clone(&memory) as Arc<dyn Auditor>].into_iter().collect();
    let open = || Some(Pending::new(auditors.clone(), &mut http::Request::new(())));
    let call = json!({"name": "add_shopping_item", "arguments": {"name": "tea"}});
    for (identity, params, expected) in [
        (nobody("bob"), json!({"name": "whoami"}), "allowed Some(\"whoami\") always false"),
        (nobody("bob"), call.clone(), "refused Some(\"add_shopping_item\") not_granted false"),
        (all("bob"), call.clone(), "allowed Some(\"add_shopping_item\") role All true"),
        (all("bob"), json!({"name": "nothing"}), "refused None unknown_tool false"),
    ] {
        endpoint.pending = open();
        let permit = endpoint.permit(identity);
        endpoint.ask(Some(permit), MODERN, "tools/call", params).await;
        endpoint.pending = None;
        assert_eq!(std::mem::take(&mut *memory.0.lock().unwrap()), [expected]);
    }

    let before = endpoint.server.shopping_items().await.unwrap();
    endpoint.pending = open();
    let pending = endpoint.pending.as_ref().unwrap();
    assert!(pending.decide(Ruling::allowed(Basis::Known)), "as a ping, say");
    let permit = endpoint.permit(all("bob"));
    let reply = endpoint.ask(Some(permit), MODERN, "tools/call", call).await;
    assert_eq!(reply["error"]["code"], 403, "{reply}");
    assert_eq!(endpoint.server.shopping_items().await.unwrap(), before);
}

#[tokio::test]
async fn what_is_listed_is_what_may_be_called() {
    let endpoint = Endpoint::business();
    for (identity, count) in [
        (all("bob"), 22),
        (nobody("bob"), 1),
        (Identity { scopes: vec!["time".to_owned()], ..nobody("bob") }, 2),
        (Identity { grants: vec!["crm_*".to_owned()], ..nobody("bob") }, 9),
        (Identity { roles: vec!["Auditor".to_owned()], ..nobody("bob") }, 13),
    ] {
        let permit = endpoint.permit(identity);
        let listed = endpoint.list(permit.clone(), MODERN).await;
        let mut sorted = names(&listed);
        sorted.sort_unstable();
        assert_eq!(names(&listed), sorted, "the order is stable");
        assert_eq!(sorted, permit.allowed());
        assert_eq!(sorted.len(), count, "{sorted:?}");
        for tool in endpoint.server.catalogue().iter() {
            let params = json!({"name": tool.name, "arguments": {"no such field": 1}});
            let reply = endpoint.ask(Some(permit.clone()), OLDER, "tools/call", params).await;
            if permit.allows(&tool.name) {
                assert!(text(&reply).contains("is not a field of this tool"), "{reply}");
            } else {
                assert_eq!(reply["error"]["code"], 403, "{reply}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_missing_and_not_to_retry() {
    let endpoint = Endpoint::personal();
    let permit = || Some(endpoint.permit(nobody("bob")));
    for (tool, missing) in [("get_time", "scope time"), ("get_weather", "no role or grant")] {
        let reply = endpoint.ask(permit(), MODERN, "tools/call", json!({"name": tool})).await;
        let sentence = reply["error"]["message"].as_str().unwrap();
        assert!(sentence.contains(missing) && sentence.contains("do not retry"), "{sentence}");
    }
    let ask = json!({"name": "get_tiem"});
    let reply = endpoint.ask(permit(), MODERN, "tools/call", ask).await;
    assert_eq!(reply["error"]["code"], -32602);
    assert_eq!(reply["error"]["message"], "unknown tool: get_tiem; ask tools/list");
}

#[tokio::test]
async fn a_list_is_for_no_shared_cache() {
    let endpoint = Endpoint::personal();
    let listed = endpoint.list(endpoint.permit(all("bob")), MODERN).await;
    assert_eq!((&listed["cacheScope"], &listed["ttlMs"]), (&json!("private"), &json!(0)));
    let listed = endpoint.list(endpoint.permit(all("bob")), OLDER).await;
    assert!(listed.get("cacheScope").is_none() && listed.get("ttlMs").is_none(), "{listed}");
    let page = json!({"cursor": "2"});
    let permit = Some(endpoint.permit(all("bob")));
    let reply = endpoint.ask(permit, MODERN, "tools/list", page).await;
    assert_eq!(reply["error"]["code"], -32602, "{reply}");
}

#[tokio::test]
async fn there_are_tools_and_nothing_else() {
    let endpoint = Endpoint::personal();
    let permit = || Some(endpoint.permit(all("bob")));
    let found = endpoint.ask(permit(), MODERN, "server/discover", json!({})).await;
    assert_eq!(found["result"]["capabilities"], json!({"tools": {}}), "{found}");
    assert_eq!(
        found["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "test-server",
        "{found}"
    );
    for method in ["prompts/list", "resources/list", "resources/templates/list"] {
        let reply = endpoint.ask(permit(), MODERN, method, json!({})).await;
        assert_eq!(reply["error"]["code"], -32601, "{method}: {reply}");
    }
}

#[tokio::test]
async fn whoami_shows_everything_that_is_known() {
    let endpoint = Endpoint::personal();
    let identity = Identity {
        user_number: Some("1".to_owned()),
        name: Some("Bob".to_owned()),
        scopes: vec!["time".to_owned()],
        grants: vec!["get_account_balance".to_owned()],
        roles: vec!["customer".to_owned()],
        read_only: false,
        rate: None,
        issued: None,
        key: None,
        expires: Some("2030-01-02T03:04:05Z".parse().unwrap()),
        ..nobody("bob")
    };
    let permit = endpoint.permit(identity);
    let ask = json!({"name": "whoami"});
    let reply = endpoint.ask(Some(permit.clone()), MODERN, "tools/call", ask).await;
    let expected = json!({
        "scheme": "test", "issuer": ISSUER, "user": "bob", "user_number": "1", "name": "Bob",
        "client": "test-client", "credential": "c1", "roles": ["customer"], "scopes": ["time"],
        "grants": ["get_account_balance"], "expires": "2030-01-02T03:04:05Z",
        "tools": ["get_account_balance", "get_time", "whoami"], "refused": permit.refused(),
    });
    assert_eq!(reply["result"]["structuredContent"], expected);
    for part in ["bob (Bob), number 1", "until 2030-01-02T03:04:05Z", "get_weather"] {
        assert!(text(&reply).contains(part), "{part:?} is not in {reply}");
    }
}
