//! The client against rmcp's own server: event streams, sessions, both generations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use client::{Anonymous, Connection, Error, Protocol, SessionEnd};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ErrorData, model::JsonObject};

#[derive(Clone)]
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = Arc::new(JsonObject::from_iter([("type".to_owned(), "object".into())]));
        Ok(ListToolsResult::with_all_items(vec![Tool::new("echo", "Says it again.", schema)]))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if call.name != "echo" {
            return Err(ErrorData::new(ErrorCode(403), "not permitted: not yours", None));
        }
        let text = call.arguments.unwrap_or_default()["text"].to_string();
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// The server's URL, and how many DELETEs and GETs it has seen.
async fn serve() -> (String, Arc<[AtomicUsize; 2]>) {
    let seen = Arc::<[AtomicUsize; 2]>::default();
    let count = Arc::clone(&seen);
    let counting = from_fn(move |request: Request, next: Next| {
        match *request.method() {
            Method::DELETE => _ = count[0].fetch_add(1, Ordering::SeqCst),
            Method::GET => _ = count[1].fetch_add(1, Ordering::SeqCst),
            _ => {}
        }
        next.run(request)
    });
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(|| Ok(Echo), sessions, Default::default());
    let app = Router::new().nest_service("/mcp", service).layer(counting);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, seen)
}

async fn echo(connection: &Connection) -> String {
    let arguments = client::arguments(&["text=hello".to_owned()]).expect("a pair");
    let result = connection.call("echo", arguments).await.expect("an answer");
    result.content[0].as_text().expect("a text").text.clone()
}

#[tokio::test]
async fn the_older_protocol_has_a_session_and_closing_ends_it() {
    let (url, seen) = serve().await;
    let open = Connection::open(&url, Arc::new(Anonymous), Protocol::V2025_11_25).await;
    let connection = open.expect("a connection");
    assert_eq!(connection.negotiated_version(), "2025-11-25");
    assert!(connection.has_session());
    assert_eq!(connection.list_tools().await.unwrap()[0].name, "echo");
    assert_eq!(echo(&connection).await, "\"hello\"");
    assert_eq!(seen[0].load(Ordering::SeqCst), 0);
    assert_eq!(connection.close().await.unwrap(), SessionEnd::Ended);
    assert_eq!(seen[0].load(Ordering::SeqCst), 1);
    assert_eq!(seen[1].load(Ordering::SeqCst), 0, "no stream is left open");
}

#[tokio::test]
async fn the_newer_protocol_has_none() {
    let (url, seen) = serve().await;
    for protocol in [Protocol::Auto, Protocol::V2026_07_28] {
        let open = Connection::open(&url, Arc::new(Anonymous), protocol).await;
        let connection = open.expect("a connection");
        assert_eq!(connection.negotiated_version(), "2026-07-28");
        assert!(!connection.has_session());
        assert_eq!(echo(&connection).await, "\"hello\"");
        assert_eq!(connection.close().await.unwrap(), SessionEnd::None);
    }
    assert_eq!(seen[0].load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_refusal_by_the_handler_is_a_refusal_too() {
    let (url, _) = serve().await;
    let open = Connection::open(&url, Arc::new(Anonymous), Protocol::Auto).await;
    let error = open.expect("a connection").call("other", JsonObject::new()).await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert!(
        matches!(error, Error::Refused(refusal) if refusal.message == "not permitted: not yours")
    );
}
