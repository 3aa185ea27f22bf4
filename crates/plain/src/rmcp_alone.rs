//! One tool, served as rmcp serves it. It does the work of `get_time` of our servers.

use std::sync::Arc;

use axum::Router;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::{Deserialize, Serialize};

/// `/mcp`, settled once: rmcp asks for a server at each request, and gets a reference.
pub(crate) fn router() -> Router {
    let info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        .with_server_info(Implementation::new("plain", env!("CARGO_PKG_VERSION")));
    let server = Clock(Arc::new(info));
    // The answers are JSON, as ours are: a stream of one event costs more.
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    Router::new().route_service("/mcp", service)
}

#[derive(Clone)]
struct Clock(Arc<ServerConfig>);

#[derive(Deserialize)]
struct Input {
    zone: Option<String>,
}

#[derive(Serialize)]
struct Now {
    time: String,
    zone: String,
    utc: Timestamp,
    weekday: String,
}

impl ServerHandler for Clock {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::clone(&self.0)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name != "get_time" {
            return Err(ErrorData::invalid_params("unknown tool", None));
        }
        let now = now(request.arguments.unwrap_or_default().into())?;
        let text = format!("It is {}, {} ({}).", now.weekday, now.time, now.zone);
        let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
        result.structured_content = serde_json::to_value(&now).ok();
        Ok(result.into())
    }
}

fn now(arguments: serde_json::Value) -> Result<Now, ErrorData> {
    let wrong = |error: String| ErrorData::invalid_params(error, None);
    let input: Input =
        serde_json::from_value(arguments).map_err(|error| wrong(error.to_string()))?;
    let now = match input.zone {
        None => Zoned::now(),
        Some(name) => {
            let zone = TimeZone::get(&name).map_err(|error| wrong(error.to_string()))?;
            Zoned::now().with_time_zone(zone)
        }
    };
    let zone = now.time_zone().iana_name();
    Ok(Now {
        time: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        zone: zone.map_or_else(|| now.offset().to_string(), str::to_owned),
        utc: now.timestamp(),
        weekday: now.strftime("%A").to_string(),
    })
}
