//! An endpoint without a socket: rmcp's HTTP service, and in each request what the layers
//! of `mcp-auth` would have put there.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use mcp_auth::Identity;
use mcp_auth::audit::Pending;
use mcp_auth::authz::{Permit, Policy};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tools::{Kit, Records, ToolServer, Weather};
use tower::ServiceExt;

/// The issuer of every caller, unless a test says otherwise.
pub(crate) const ISSUER: &str = "test-issuer";

/// The generations of clients.
pub(crate) const MODERN: &str = "2026-07-28";
pub(crate) const OLDER: &str = "2025-11-25";

pub(crate) struct Endpoint {
    service: StreamableHttpService<ToolServer, LocalSessionManager>,
    policy: Arc<Policy>,
    /// The decision about the next request, if one is open.
    pub(crate) pending: Option<Pending>,
    pub(crate) server: ToolServer,
}

impl Endpoint {
    pub(crate) fn personal() -> Self {
        Self::of(Kit::personal(Weather::sample()))
    }

    pub(crate) fn business() -> Self {
        Self::of(Kit::business())
    }

    /// Role `All` reaches every tool, `Some` what it names, and scope `time` the clock.
    pub(crate) fn of(kit: Kit) -> Self {
        let server = ToolServer::new("test-server", kit, Records::in_memory(ISSUER).unwrap());
        let text = "[roles.All]\ntools = [\"*\"]\n[roles.Auditor]\nread_only = true\n\
                    [scopes.time]\ntools = [\"get_time\"]";
        let policy = Policy::parse(text, server.catalogue()).unwrap().always("whoami").unwrap();
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true);
        let mcp = server.clone();
        let service = StreamableHttpService::new(move || Ok(mcp.clone()), Arc::default(), config);
        Self { service, policy: Arc::new(policy), pending: None, server }
    }

    pub(crate) fn permit(&self, identity: Identity) -> Permit {
        self.policy.permit(Arc::new(identity))
    }

    /// One request as `user` with every right; the whole reply.
    pub(crate) async fn call(&self, user: &str, tool: &str, arguments: Value) -> Value {
        let permit = self.permit(all(user));
        self.ask(Some(permit), MODERN, "tools/call", json!({"name": tool, "arguments": arguments}))
            .await
    }

    /// The structured answer of a call that works, checked against the tool's schema.
    pub(crate) async fn answer(&self, user: &str, tool: &str, arguments: Value) -> Value {
        let reply = self.call(user, tool, arguments).await;
        let result = &reply["result"];
        assert_eq!(result["isError"], false, "{tool}: {reply}");
        assert!(text(&reply).len() > 5, "{tool}: {reply}");
        let answer = result["structuredContent"].clone();
        let listed = self.list(self.permit(all(user)), MODERN).await;
        let listed = listed["tools"].as_array().unwrap().iter().find(|t| t["name"] == tool);
        let schema = &listed.expect("a called tool is listed")["outputSchema"];
        for field in schema["required"].as_array().into_iter().flatten() {
            assert!(answer.get(field.as_str().unwrap()).is_some(), "{tool}: no {field}: {answer}");
        }
        for field in answer.as_object().expect("an object").keys() {
            assert!(schema["properties"].get(field).is_some(), "{tool}: {field} is not announced");
        }
        answer
    }

    /// The text of a call that the tool itself declines.
    pub(crate) async fn complaint(&self, user: &str, tool: &str, arguments: Value) -> String {
        let reply = self.call(user, tool, arguments).await;
        assert_eq!(reply["result"]["isError"], true, "{tool}: {reply}");
        assert!(reply["result"].get("structuredContent").is_none(), "{tool}: {reply}");
        text(&reply)
    }

    pub(crate) async fn list(&self, permit: Permit, version: &str) -> Value {
        let reply = self.ask(Some(permit), version, "tools/list", json!({})).await;
        assert!(reply.get("error").is_none(), "{reply}");
        reply["result"].clone()
    }

    pub(crate) async fn ask(
        &self,
        permit: Option<Permit>,
        version: &str,
        method: &str,
        mut params: Value,
    ) -> Value {
        let mut request = http::Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", version);
        if version == MODERN {
            request = request.header("mcp-method", method);
            if let Some(name) = params["name"].as_str() {
                request = request.header("mcp-name", name);
            }
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        if let Some(permit) = permit {
            request = request.extension(permit);
        }
        if let Some(pending) = &self.pending {
            request = request.extension(pending.clone());
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap_or_else(|_| panic!("not JSON: {body:?}"))
    }
}

/// A caller with every right.
pub(crate) fn all(user: &str) -> Identity {
    Identity { roles: vec!["All".to_owned()], ..nobody(user) }
}

/// A caller who is known and has no rights.
pub(crate) fn nobody(user: &str) -> Identity {
    Identity {
        scheme: "test",
        issuer: ISSUER.to_owned(),
        user: user.to_owned(),
        user_number: None,
        name: None,
        client: "test-client".to_owned(),
        credential: "c1".to_owned(),
        roles: Vec::new(),
        scopes: Vec::new(),
        grants: Vec::new(),
        read_only: false,
        rate: None,
        issued: None,
        key: None,
        expires: None,
    }
}

/// The text of an answer.
pub(crate) fn text(reply: &Value) -> String {
    reply["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}
