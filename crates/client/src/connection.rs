//! One connection to one server, in either generation of the protocol.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
    JsonObject, ProtocolVersion, Tool,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, RoleClient, RunningService,
    ServiceError,
};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig, StreamableHttpError,
};

use crate::http::{REQUEST_TIMEOUT, http_client, parse_url};
use crate::transport::{Session, Transport};
use crate::{Credentials, Error, Protocol, Refusal};

/// An answer that begins in time and then stalls is given up so much later than the request's
/// own limit, so that the more telling error comes first.
const GRACE: Duration = Duration::from_secs(2);

/// An open connection. [`close`](Connection::close) it: an older server keeps a session for it.
pub struct Connection {
    service: RunningService<RoleClient, ClientConfig>,
    session: Arc<Mutex<Session>>,
    url: String,
    limit: Duration,
}

/// How a connection's session came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The protocol spoken has no sessions, or the server opened none.
    None,
    /// The server confirmed the DELETE.
    Ended,
    /// The server does not end sessions on request (405); this one ends by itself.
    NotSupported,
}

impl Connection {
    /// Connects and agrees on a protocol version.
    ///
    /// # Errors
    /// [`Error::Refused`] with what the server said; else why there is no connection.
    pub async fn open(
        url: &str,
        credentials: Arc<dyn Credentials>,
        protocol: Protocol,
    ) -> Result<Self, Error> {
        Self::open_within(REQUEST_TIMEOUT, url, credentials, protocol).await
    }

    /// As [`open`](Connection::open), where each answer may take so long instead of 30 s.
    ///
    /// # Errors
    /// As with [`open`](Connection::open).
    pub async fn open_within(
        limit: Duration,
        url: &str,
        credentials: Arc<dyn Credentials>,
        protocol: Protocol,
    ) -> Result<Self, Error> {
        let http = http_client(&parse_url(url)?)?;
        Self::open_over(http, limit, url, credentials, protocol).await
    }

    /// The same, over an HTTP client that is there.
    pub(crate) async fn open_over(
        http: reqwest::Client,
        limit: Duration,
        url: &str,
        credentials: Arc<dyn Credentials>,
        protocol: Protocol,
    ) -> Result<Self, Error> {
        let session = Arc::<Mutex<Session>>::default();
        let transport = Transport {
            http,
            credentials,
            falls_back: protocol == Protocol::Auto,
            limit,
            session: Arc::clone(&session),
        };
        let config = StreamableHttpClientTransportConfig::with_uri(url);
        let transport = StreamableHttpClientTransport::with_client(transport, config);
        let me = Implementation::new("mcp-auth-client", env!("CARGO_PKG_VERSION"));
        let service = ClientConfig::new(ClientCapabilities::default(), me)
            .with_protocol_version(ProtocolVersion::V_2025_11_25)
            .serve_with_lifecycle(transport, lifecycle(protocol))
            .await
            .map_err(|error| last_failure(&session).unwrap_or_else(|| initialize_error(error)))?;
        Ok(Self { service, session, url: url.to_owned(), limit })
    }

    /// The protocol version agreed on, such as `2026-07-28`.
    pub fn negotiated_version(&self) -> String {
        self.service
            .peer()
            .peer_info()
            .map(|server| server.protocol_version.to_string())
            .unwrap_or_default()
    }

    /// What the server said last of the credential's end, if that is near: when, and how to come by
    /// the next one.
    pub fn expiring(&self) -> Option<String> {
        self.session.lock().expect("no holder of this lock can panic").expiring.clone()
    }

    /// Whether the server keeps a session for this connection.
    pub fn has_session(&self) -> bool {
        self.session.lock().expect("no holder of this lock can panic").opened
    }

    /// Every tool that the server shows to this caller.
    ///
    /// # Errors
    /// [`Error::Refused`], or why there was no answer.
    pub async fn list_tools(&self) -> Result<Vec<Tool>, Error> {
        self.in_time(self.service.list_all_tools()).await
    }

    /// Calls a tool. A tool's own failure is a result whose `is_error` is set.
    ///
    /// # Errors
    /// [`Error::Refused`] when the call is not allowed, or why there was no answer.
    pub async fn call(&self, name: &str, arguments: JsonObject) -> Result<CallToolResult, Error> {
        let call = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
        self.in_time(self.service.call_tool(call)).await
    }

    /// Ends the session, if there is one, and the connection.
    ///
    /// # Errors
    /// When the server refused to end the session or could not be reached.
    pub async fn close(mut self) -> Result<SessionEnd, Error> {
        // What became of the DELETE is noted by the transport; rmcp only logs it.
        let _ = self.service.close_with_timeout(REQUEST_TIMEOUT).await;
        let session = self.session.lock().expect("no holder of this lock can panic").clone();
        match session.ended {
            Some(Ok(_)) => Ok(SessionEnd::Ended),
            Some(Err(error)) => match error.refusal() {
                Some(refusal) if refusal.status == StatusCode::METHOD_NOT_ALLOWED.as_u16() => {
                    Ok(SessionEnd::NotSupported)
                }
                _ => Err(error),
            },
            None if session.opened => {
                Err(Error::Unexpected("The session could not be ended in time.".into()))
            }
            None => Ok(SessionEnd::None),
        }
    }

    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.limit.saturating_add(GRACE), answer).await {
            Ok(answer) => answer.map_err(|error| self.service_error(error)),
            Err(_) => {
                let seconds = self.limit.as_secs();
                Err(Error::TimedOut { url: self.url.clone(), seconds })
            }
        }
    }

    fn service_error(&self, error: ServiceError) -> Error {
        match error {
            ServiceError::TransportSend(error) => transport_error(error),
            ServiceError::McpError(error) => rpc(error),
            other => last_failure(&self.session)
                .unwrap_or_else(|| Error::Unexpected(format!("The call got no answer: {other}."))),
        }
    }
}

/// Why the last message failed. rmcp tells only its sender, who in the meantime may have turned
/// to something else: an unanswered `server/discover` is followed by `initialize` after 10 s.
fn last_failure(session: &Mutex<Session>) -> Option<Error> {
    session.lock().expect("no holder of this lock can panic").failure.take()
}

fn lifecycle(protocol: Protocol) -> ClientLifecycleMode {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    match protocol {
        Protocol::Auto => ClientLifecycleMode::Auto {
            preferred_versions,
            legacy_version: Some(ProtocolVersion::V_2025_11_25),
        },
        Protocol::V2025_11_25 => ClientLifecycleMode::Initialize,
        Protocol::V2026_07_28 => ClientLifecycleMode::Discover { preferred_versions },
    }
}

fn initialize_error(error: ClientInitializeError) -> Error {
    match error {
        ClientInitializeError::TransportError { error, .. } => transport_error(error),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => initialize_error(*fallback),
        ClientInitializeError::JsonRpcError(error) => rpc(error),
        ClientInitializeError::NoCompatibleProtocolVersion { .. } => Error::Unexpected(
            "The server does not speak that revision of the protocol: try --protocol auto.".into(),
        ),
        other => Error::Unexpected(format!("The connection could not be set up: {other}.")),
    }
}

/// Finds our own error again, which rmcp carries about in a box.
fn transport_error(error: DynamicTransportError) -> Error {
    match error.error.downcast::<StreamableHttpError<Error>>() {
        Ok(error) => match *error {
            StreamableHttpError::Client(error) => error,
            other => Error::Unexpected(format!("The exchange with the server failed: {other}.")),
        },
        Err(other) => Error::Unexpected(format!("The exchange with the server failed: {other}.")),
    }
}

fn rpc(error: rmcp::ErrorData) -> Error {
    match Refusal::from_rpc(&error) {
        Some(refusal) => refusal.into(),
        None => Error::Rpc { code: error.code.0, message: error.message.into_owned() },
    }
}
