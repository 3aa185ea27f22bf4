//! One MCP request: who asks, may they, then the tool.

use std::sync::Arc;

use mcp_auth::audit::{Pending, Ruling};
use mcp_auth::authn::expiry::Expiring;
use mcp_auth::authz::{Catalogue, CatalogueTool, Permit, Verdict};
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, ErrorCode, Implementation, JsonObject,
    ListToolsResult, MetaObject, PaginatedRequestParams, ProtocolVersion, ResultType,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::json;

use crate::shopping::{self, Item};
use crate::tool::Call;
use crate::{Kit, Records, RecordsError};

/// The key in `_meta` (MCP, General fields) under which an answer says that its credential ends.
pub const CREDENTIAL_META: &str = "mcp-auth/credential";

/// For the log. The layers before have let the request through.
const OTHERWISE: &str = "the handler read another call than the layers before it";

/// An MCP server for one [`Kit`] of tools.
///
/// A clone costs one reference count: rmcp asks for one per request.
///
/// Every `tools/list` and `tools/call` needs the [`Permit`] that the layers of `mcp-auth`
/// put into the HTTP request. Mounted without them, the server refuses both.
#[derive(Clone)]
pub struct ToolServer {
    inner: Arc<Inner>,
}

struct Inner {
    info: ServerConfig,
    kit: Kit,
    records: Records,
}

impl ToolServer {
    /// A server that calls itself `name` and keeps its data in `records`.
    pub fn new(name: &str, kit: Kit, records: Records) -> Self {
        Self::with_extensions(name, kit, records, &[])
    }

    /// The same, which says in its capabilities that it has these extensions of MCP.
    pub fn with_extensions(name: &str, kit: Kit, records: Records, extensions: &[&str]) -> Self {
        let mut capabilities = ServerCapabilities::builder().enable_tools().build();
        let settings = |extension: &&str| ((*extension).to_owned(), JsonObject::new());
        capabilities.extensions =
            (!extensions.is_empty()).then(|| extensions.iter().map(settings).collect());
        let info = ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(name, env!("CARGO_PKG_VERSION")))
            .with_instructions(kit.instructions());
        Self { inner: Arc::new(Inner { info, kit, records }) }
    }

    /// Every tool there is, for [`Policy`](mcp_auth::authz::Policy) to be checked against.
    pub fn catalogue(&self) -> Catalogue {
        let tools = self.inner.kit.tools();
        tools
            .map(|tool| CatalogueTool {
                name: tool.listed.name.to_string(),
                read_only: tool.reads_only(),
            })
            .collect()
    }

    /// The shared shopping list, in the order in which it was written.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn shopping_items(&self) -> Result<Vec<Item>, RecordsError> {
        shopping::items(&self.inner.records).await
    }
}

impl ServerHandler for ToolServer {
    fn get_info(&self) -> ServerConfig {
        self.inner.info.clone()
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let permit = permit(&context)?;
        if request.is_some_and(|request| request.cursor.is_some()) {
            return Err(ErrorData::invalid_params(
                "there is one page of tools; ask tools/list again without a cursor",
                None,
            ));
        }
        let tools = self.inner.kit.tools();
        let allowed = tools.filter(|tool| permit.allows(&tool.listed.name));
        // What one caller may see is for no cache that others share; peers from before
        // 2026-07-28 do not know the two fields.
        let hints = context.protocol_version() >= Some(ProtocolVersion::V_2026_07_28);
        Ok(ListToolsResult {
            result_type: Some(ResultType::COMPLETE),
            meta: expiring(&context),
            next_cursor: None,
            ttl_ms: hints.then_some(0),
            cache_scope: hints.then_some(CacheScope::Private),
            tools: allowed.map(|tool| tool.listed.clone()).collect(),
        })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let permit = permit(&context)?;
        let name = request.name.as_ref();
        let verdict = permit.judge(name);
        audit(&context, permit, &verdict, &request)?;
        match verdict {
            Verdict::Allowed => {}
            Verdict::InsufficientScope(scopes) => {
                return Err(refused(format!(
                    "not permitted: {name} needs the scope {}; do not retry with this token, \
                     ask for one that has it",
                    scopes.join(" ")
                )));
            }
            Verdict::NotGranted => {
                return Err(refused(format!(
                    "not permitted: no role or grant of this caller reaches {name}; do not \
                     retry, ask whoever runs the server for it"
                )));
            }
            Verdict::UnknownTool => return Err(unknown(name)),
        }
        let tool = self.inner.kit.tool(name).ok_or_else(|| unknown(name))?;
        let call = Call { permit: permit.clone(), records: self.inner.records.clone() };
        let mut result = tool.run(call, request.arguments.unwrap_or_default()).await;
        result.meta = expiring(&context);
        Ok(result.into())
    }
}

/// The rights of whoever sent this request. rmcp carries the head of the HTTP request
/// along, and the layer left the Permit there.
fn permit(context: &RequestContext<RoleServer>) -> Result<&Permit, ErrorData> {
    let parts = context.extensions.get::<http::request::Parts>();
    parts.and_then(|parts| Permit::of(&parts.extensions)).ok_or_else(|| {
        refused(
            "not permitted: the request reached the tools without passing authorization; \
             whoever runs the server must put the layers of mcp-auth around this endpoint"
                .to_owned(),
        )
    })
}

/// The `_meta` of an answer to a credential that ends soon.
fn expiring(context: &RequestContext<RoleServer>) -> Option<MetaObject> {
    let parts = context.extensions.get::<http::request::Parts>()?;
    let Expiring { ends, how_to_renew } = parts.extensions.get()?;
    let said = json!({ "expires": ends, "howToRenew": how_to_renew });
    Some(MetaObject(JsonObject::from_iter([(CREDENTIAL_META.to_owned(), said)])))
}

/// Says what was decided, before anything is done. This is the last word on a call, and has to
/// be the first on this request: what was judged as something else does not run.
fn audit(
    context: &RequestContext<RoleServer>,
    permit: &Permit,
    verdict: &Verdict,
    request: &CallToolRequestParams,
) -> Result<(), ErrorData> {
    let parts = context.extensions.get::<http::request::Parts>();
    let Some(pending) = parts.and_then(|parts| Pending::of(&parts.extensions)) else {
        return Ok(());
    };
    let name = request.name.as_ref();
    let ruling = match (verdict, permit.basis(name)) {
        (Verdict::Allowed, Some(basis)) => {
            Ruling { arguments: request.arguments.as_ref(), ..Ruling::allowed(basis) }
        }
        (Verdict::UnknownTool, _) => Ruling::refused("unknown_tool", "there is no such tool"),
        (Verdict::InsufficientScope(_), _) => Ruling::refused("insufficient_scope", OTHERWISE),
        _ => Ruling::refused("not_granted", OTHERWISE),
    };
    let tool = (*verdict != Verdict::UnknownTool).then_some(name);
    if pending.decide(Ruling { tool, ..ruling }) {
        return Ok(());
    }
    Err(refused(format!(
        "not permitted: the request was judged before, and not as a call of {}; send it again",
        shown(name)
    )))
}

/// The code is positive: JSON-RPC keeps the range below −32000 for itself.
fn refused(sentence: String) -> ErrorData {
    ErrorData::new(ErrorCode(403), sentence, None)
}

fn unknown(name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("unknown tool: {}; ask tools/list", shown(name)), None)
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}
