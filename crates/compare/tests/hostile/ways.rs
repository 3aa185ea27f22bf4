//! T36, T37: every other way to a tool, and what a list shows to whom.

use compare::{Kind, Side};
use serde_json::{Value, json};

use super::attack::{Attack, Expected, attack, script};
use super::life::names;
use super::raw::{Raw, call_body};
use super::sessions::Session;

const METHOD_NOT_FOUND: Option<i64> = Some(-32601);

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    let mut rows = calls();
    rows.extend(other_methods());
    rows.extend(lists());
    rows
}

/// T36: a call of a tool that is not permitted, in every form of a call.
fn calls() -> Vec<Attack> {
    let call = |name: &'static str, edit: fn(&mut Value)| {
        attack("T36", name, Expected::NotPermitted, move |side, _| {
            let mut body: Value =
                serde_json::from_str(&call_body(side, side.refused_tool)).unwrap();
            edit(&mut body);
            let raw = Raw::call_of(side, side.refused_tool).body(body.to_string());
            raw.present(&side.bob)
        })
    };
    vec![
        call("as it is", |_| ()),
        call("as a notification", |body| {
            body.as_object_mut().unwrap().remove("id");
        }),
        call("with id null", |body| body["id"] = Value::Null),
        call("with an id that is an object", |body| body["id"] = json!({})),
        call("without a version of JSON-RPC", |body| {
            body.as_object_mut().unwrap().remove("jsonrpc");
        }),
        call("under another version of JSON-RPC", |body| body["jsonrpc"] = json!("1.0")),
        call("as a task", |body| body["params"]["task"] = json!({ "ttl": 1000 })),
        call("without arguments", |body| {
            body["params"].as_object_mut().unwrap().remove("arguments");
        }),
        call("with arguments in a list", |body| body["params"]["arguments"] = json!([])),
        call("with another tool in its arguments", |body| {
            body["params"]["arguments"] = json!({ "name": "get_time", "method": "tools/list" });
        }),
        call("with an answer beside it", |body| body["result"] = json!({})),
        call("with an error beside it", |body| body["error"] = json!({ "code": 1 })),
        call("with rights of its own", |body| {
            body["params"]["_meta"]["permit"] = json!("*");
            body["params"]["scope"] = json!("shopping:remove");
            body["params"]["job_role"] = json!("Manager");
        }),
    ]
}

/// T36: no other method of MCP leads to a tool, or to what is behind one.
fn other_methods() -> Vec<Attack> {
    let method = |method: &'static str, params: fn(&Side) -> Value| {
        let none = Expected::Mcp(404, METHOD_NOT_FOUND);
        attack("T36", method, none, move |side, _| {
            Raw::method_of_mcp(side, method, params(side)).present(&side.bob)
        })
    };
    vec![
        method("prompts/list", |_| json!({})),
        method("prompts/get", |side| json!({ "name": side.refused_tool, "arguments": {} })),
        method("resources/list", |_| json!({})),
        method("resources/templates/list", |_| json!({})),
        method("resources/read", |side| json!({ "uri": format!("tool://{}", side.refused_tool) })),
        method("resources/subscribe", |_| json!({ "uri": "tool://x" })),
        method("completion/complete", |side| {
            json!({
                "ref": { "type": "ref/prompt", "name": side.refused_tool },
                "argument": { "name": "id", "value": "1" },
            })
        }),
        method("logging/setLevel", |_| json!({ "level": "debug" })),
        method("tasks/get", |_| json!({ "taskId": "1" })),
        method("tasks/cancel", |_| json!({ "taskId": "1" })),
        method("tools/get", |side| json!({ "name": side.refused_tool })),
        method("tools/run", |side| json!({ "name": side.refused_tool })),
        method("sampling/createMessage", |_| json!({ "messages": [], "maxTokens": 1 })),
        method("elicitation/create", |_| json!({ "message": "x", "requestedSchema": {} })),
        method("roots/list", |_| json!({})),
        method("rpc.discover", |_| json!({})),
    ]
}

/// T36, T37: a list shows what its caller may call, and is kept by nobody who serves others.
fn lists() -> Vec<Attack> {
    let harmless = Expected::Harmless(200);
    vec![
        script("T36", "tools/list shows no tool that is not permitted", harmless, {
            async |side, _| {
                let list = Raw::method_of_mcp(side, "tools/list", json!({}));
                let answer = list.present(&side.bob).send(side).await;
                let message = answer.json();
                let names = names(&message);
                if names.contains(&"get_time") && !names.contains(&side.refused_tool) {
                    return Ok(answer);
                }
                Err(format!("it lists {names:?}"))
            }
        }),
        script("T36", "an older client's list neither", harmless, async |side, _| {
            let session = Session::open(side, &side.bob).await?;
            let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
            let answer = session.post(&list).present(&side.bob).send(side).await;
            session.end().await?;
            let message = answer.json();
            let names = names(&message);
            if names.contains(&"get_time") && !names.contains(&side.refused_tool) {
                return Ok(answer);
            }
            Err(format!("it lists {names:?}"))
        }),
        script("T37", "a list is for its caller alone", harmless, async |side, _| {
            let list = Raw::method_of_mcp(side, "tools/list", json!({}));
            let answer = list.present(&side.bob).send(side).await;
            let result = &answer.json()["result"];
            if result["cacheScope"] == "private" && result["ttlMs"] == 0 {
                return Ok(answer);
            }
            Err(format!("it may be kept: {} for {}", result["cacheScope"], result["ttlMs"]))
        }),
        script("T37", "a list that another asked for before", harmless, async |side, forge| {
            let list = || Raw::method_of_mcp(side, "tools/list", json!({}));
            list().present(&side.bob).send(side).await;
            let weaker = forge.weaker(side).await?;
            let answer = list().present(&weaker).send(side).await;
            match names(&answer.json()).as_slice() {
                ["whoami"] => Ok(answer),
                names => Err(format!("it lists {names:?}")),
            }
        }),
        script("T37", "what a call says is for its caller alone", harmless, async |side, _| {
            let call = |who| Raw::call_of(side, "whoami").present(who);
            call(&side.bob).send(side).await;
            let answer = call(&side.alice).send(side).await;
            let user = answer.json()["result"]["structuredContent"]["user"].clone();
            let kept = answer.json()["result"]["cacheScope"] == "public";
            if user == "alice" && !kept { Ok(answer) } else { Err(format!("she is {user}")) }
        }),
    ]
}
