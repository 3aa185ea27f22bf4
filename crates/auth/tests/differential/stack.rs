//! The layers as every server has them, around a real rmcp service whose handler asks nobody
//! for a Permit, so that nothing but the layers is between a caller and a tool.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use mcp_auth::authn::apikey::OneKey;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::peek::{Peek, Peeked};
use mcp_auth::authz::{Catalogue, CatalogueTool, Policy};
use mcp_auth::guard::session::Sessions;
use mcp_auth::{Challenge, Identity};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::runtime::Runtime;
use tower::{ServiceBuilder, ServiceExt};

use super::bodies::{Body, CLOSED, OPEN};
use super::heads::Head;

const KEY: &str = "the-one-key-of-this-server-0123456789";
const SESSION_ID: &str = "mcp-session-id";

/// What one request came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    /// What the layers had read of it, if they let it through.
    pub(crate) passed: Option<Peeked>,
    /// The names with which the handler was asked for a tool.
    pub(crate) called: Vec<String>,
    /// Whether the answer opened a session.
    pub(crate) opened: Option<String>,
    /// What stands in the answer.
    pub(crate) text: String,
}

/// One server, and the session that an older client has there.
pub(crate) struct Stack {
    runtime: Runtime,
    ask: Ask,
    seen: Seen,
    session: RefCell<Option<String>>,
}

type Ask = Box<dyn Fn(Request<Full<Bytes>>) -> Pin<Box<dyn Future<Output = Outcome>>>>;
type Seen = Arc<Mutex<Outcome>>;

/// Notes what reaches it.
#[derive(Clone)]
struct Handler(Seen);

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.0.lock().unwrap().called.push(request.name.into_owned());
        Ok(CallToolResult::success(Vec::new()).into())
    }

    /// Requests of a method that rmcp does not know, or of one that it knows with other
    /// parameters. A handler that took these for calls would be asked here.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(ErrorData::invalid_params(format!("custom {}", request.method), None))
    }
}

impl Stack {
    pub(crate) fn new() -> Self {
        let seen = Seen::default();
        let ask = layers(Arc::clone(&seen));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, ask, seen, session: RefCell::default() }
    }

    /// Sends one request, and waits until all of the answer is there.
    pub(crate) fn send(&self, head: &Head, body: &Body) -> Outcome {
        let session = head.session.then(|| self.session());
        let outcome = self.post(head, session, &body.0);
        if outcome.status == 404 {
            *self.session.borrow_mut() = None;
        }
        if let Some(opened) = &outcome.opened {
            self.end(opened);
        }
        outcome
    }

    /// A request without a body in the session of the older client: its status.
    pub(crate) fn status(&self, method: Method, head: &Head) -> u16 {
        let session = self.session();
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        head.write(request.headers_mut());
        request.headers_mut().insert(SESSION_ID, session.parse().unwrap());
        self.ask(request).status
    }

    fn session(&self) -> String {
        if let Some(session) = self.session.borrow().clone() {
            return session;
        }
        let head = Head::older();
        let answer = self.post(&head, None, INITIALIZE.as_bytes());
        let session = answer.opened.clone().unwrap_or_else(|| panic!("no session: {answer:?}"));
        self.post(&head, Some(session.clone()), INITIALIZED.as_bytes());
        *self.session.borrow_mut() = Some(session.clone());
        session
    }

    fn post(&self, head: &Head, session: Option<String>, body: &[u8]) -> Outcome {
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
        *request.method_mut() = Method::POST;
        head.write(request.headers_mut());
        if let Some(session) = session {
            request.headers_mut().insert(SESSION_ID, session.parse().unwrap());
        }
        self.ask(request)
    }

    fn end(&self, session: &str) {
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::DELETE;
        request.headers_mut().insert(SESSION_ID, session.parse().unwrap());
        self.ask(request);
    }

    fn ask(&self, mut request: Request<Full<Bytes>>) -> Outcome {
        *self.seen.lock().unwrap() = Outcome::default();
        let headers = request.headers_mut();
        headers.insert("x-api-key", HeaderValue::from_static(KEY));
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(ACCEPT, both);
        let patience = Duration::from_secs(20);
        let answering = async { tokio::time::timeout(patience, (self.ask)(request)).await };
        let answer = self.runtime.block_on(answering).expect("the answer came to an end");
        Outcome {
            status: answer.status,
            opened: answer.opened,
            text: answer.text,
            ..self.seen.lock().unwrap().clone()
        }
    }
}

const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#
);
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn layers(seen: Seen) -> Ask {
    let catalogue: Catalogue = [OPEN, CLOSED]
        .map(|name| CatalogueTool { name: name.to_owned(), read_only: true })
        .into_iter()
        .collect();
    let policy = Arc::new(Policy::grants_only(catalogue));
    let mut owner = Identity::new("apikey", "this server", "owner");
    owner.grants.push(OPEN.to_owned());
    let handler = Handler(Arc::clone(&seen));
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(true)
        .with_json_response(true);
    let mcp = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::<LocalSessionManager>::default(),
        config,
    );
    let layers = ServiceBuilder::new()
        .layer(Authenticate::new(OneKey::new(KEY, owner, false).unwrap(), Challenge::default()))
        .layer(Peek)
        .layer(Sessions::new().layer())
        .layer(Authorize::layer(policy, Challenge::default()))
        .map_request(move |request: Request<Full<Bytes>>| {
            seen.lock().unwrap().passed = request.extensions().get().cloned();
            request
        })
        .service(mcp);
    Box::new(move |request| {
        let layers = layers.clone();
        Box::pin(async move {
            let answer = layers.oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let opened = answer.headers().get(SESSION_ID).map(|id| id.to_str().unwrap().to_owned());
            let bytes = answer.into_body().collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Outcome { status, opened, text, ..Outcome::default() }
        })
    })
}
