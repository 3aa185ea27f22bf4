//! Under rmcp's client: adds the current credential to every request, and keeps refusals.
//!
//! rmcp fixes the credential for the life of a connection and reduces a refusal to its
//! status. Here the credential is asked for before each request, once more after a 401, and
//! a refusal reaches the caller as a [`Refusal`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use reqwest::{RequestBuilder, Response};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ErrorData, ServerJsonRpcMessage};
use rmcp::transport::common::client_side_sse::BoxedSseResponse;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    StreamableHttpResponseLimits,
};
use sse_stream::SseStream;

use crate::http::{failure, may_be_older, send_within};
use crate::refusal::read_prefix;
use crate::{Credentials, Error, Refusal};

const BOTH_TYPES: &str = "text/event-stream, application/json";
const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";
pub(crate) const SESSION: &str = "mcp-session-id";

type Headers = HashMap<HeaderName, HeaderValue>;
type Answer<T> = Result<T, StreamableHttpError<Error>>;

/// What rmcp sends its messages through.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) http: reqwest::Client,
    pub(crate) credentials: Arc<dyn Credentials>,
    /// Whether an unknown `server/discover` is to be followed by `initialize`.
    pub(crate) falls_back: bool,
    /// How long a whole answer may take.
    pub(crate) limit: Duration,
    pub(crate) session: Arc<Mutex<Session>>,
}

/// Sends a request with the current credential, and once more with another after a 401.
pub(crate) async fn authenticated(
    credentials: &dyn Credentials,
    limit: Duration,
    request: RequestBuilder,
) -> Result<Response, Error> {
    let Some(credential) = credentials.current().await? else {
        return send_within(limit, request).await;
    };
    let signed = |request: RequestBuilder, credential: &crate::Credential| {
        request.header(credential.header_name(), credential.header_value())
    };
    let spare = request.try_clone();
    let response = send_within(limit, signed(request, &credential)).await?;
    if response.status() != StatusCode::UNAUTHORIZED {
        return Ok(response);
    }
    let Some(spare) = spare else { return Ok(response) };
    match credentials.renew(&credential).await? {
        Some(other) => send_within(limit, signed(spare, &other)).await,
        None => Ok(response),
    }
}

/// What became of the session and of the last message, for those who ask after rmcp has given
/// the connection up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    pub(crate) opened: bool,
    /// Why the last message failed. If nobody waits for its answer any more, rmcp drops this.
    pub(crate) failure: Option<Error>,
    pub(crate) ended: Option<Result<StatusCode, Error>>,
    /// What the server said last of the credential's end, if that is near.
    pub(crate) expiring: Option<String>,
}

impl StreamableHttpClient for Transport {
    type Error = Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Answer<StreamableHttpPostResponse> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(
            uri,
            message,
            session_id,
            auth_header,
            headers,
            limits,
        )
        .await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        // The credential comes from `credentials`; the connection configures none.
        _auth_header: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Answer<StreamableHttpPostResponse> {
        let answer = self.post(&uri, message, session_id.as_deref(), &headers, limits).await;
        self.session().failure = match &answer {
            Err(StreamableHttpError::Client(error)) => Some(error.clone()),
            _ => None,
        };
        answer
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        headers: Headers,
    ) -> Answer<()> {
        let request = self.http.delete(&*uri);
        let ended = match self.authenticated(with(request, &headers, Some(&session_id))).await {
            Ok(response) if response.status().is_success() => Ok(response.status()),
            Ok(response) => Err(Error::from(Refusal::read(response).await)),
            Err(error) => Err(error),
        };
        self.session().ended = Some(ended.clone());
        ended.map(drop).map_err(StreamableHttpError::Client)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        headers: Headers,
    ) -> Answer<BoxedSseResponse> {
        // These clients ask and print; what a server says unasked, nobody would see. So only
        // an answer that broke off is fetched this way.
        let Some(last_event_id) = last_event_id else {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        };
        let request = self.http.get(&*uri).header(ACCEPT, BOTH_TYPES);
        let request = with(request, &headers, session_id.as_deref());
        let response = self.authenticated(request.header("last-event-id", last_event_id)).await?;
        match response.status() {
            status if status.is_success() => {
                let limits = StreamableHttpResponseLimits::default();
                Ok(events(response, limits.max_sse_event_size))
            }
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportSse),
            _ => Err(StreamableHttpError::Client(Refusal::read(response).await.into())),
        }
    }
}

impl Transport {
    async fn post(
        &self,
        uri: &str,
        message: ClientJsonRpcMessage,
        session_id: Option<&str>,
        headers: &Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Answer<StreamableHttpPostResponse> {
        let request = self.http.post(uri).header(ACCEPT, BOTH_TYPES);
        let request = with(request, headers, session_id).json(&message);
        let response = self.authenticated(request).await?;
        if !response.status().is_success() {
            return self.refused(&message, response, session_id.is_some()).await;
        }
        if !matches!(message, ClientJsonRpcMessage::Request(_)) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let session = header(&response, SESSION);
        if session.is_some() {
            self.session().opened = true;
        }
        match header(&response, CONTENT_TYPE.as_str()).as_deref().map(media_type) {
            Some(EVENT_STREAM) => {
                let events = events(response, limits.max_sse_event_size);
                Ok(StreamableHttpPostResponse::Sse(events, session))
            }
            Some(JSON) => {
                let body =
                    Limited::new(reqwest::Body::from(response), limits.max_json_response_size);
                let body = body.collect().await.map_err(|error| self.broken_off(&*error))?;
                let message = serde_json::from_slice(&body.to_bytes())
                    .map_err(|error| unexpected(&error.to_string()))?;
                Ok(StreamableHttpPostResponse::Json(message, session))
            }
            other => Err(unexpected(&format!("content type {other:?}"))),
        }
    }

    /// Sends with the current credential; after a 401 once more, if there is another one.
    async fn authenticated(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = authenticated(&*self.credentials, self.limit, request).await?;
        // Another credential may have been taken, of which there is nothing to say.
        self.session().expiring = expiring(&response);
        Ok(response)
    }

    /// Sorts an answer that is no success: a refusal, an error of the protocol itself (which
    /// rmcp handles), an older server, a session that is gone, or no such server at all.
    async fn refused(
        &self,
        message: &ClientJsonRpcMessage,
        response: Response,
        in_session: bool,
    ) -> Answer<StreamableHttpPostResponse> {
        let (status, headers) = (response.status(), response.headers().clone());
        let url = response.url().to_string();
        let body = read_prefix(response).await;
        let refusal = Refusal::parse(status, &headers, &body);
        let ClientJsonRpcMessage::Request(request) = message else {
            return Err(StreamableHttpError::Client(refusal.into()));
        };
        let error = protocol_error(&body).or_else(|| {
            let asks = matches!(request.request, ClientRequest::DiscoverRequest(_));
            let older = self.falls_back && asks && refusal.error.is_none() && may_be_older(status);
            older.then(|| ErrorData::invalid_request(refusal.message.clone(), None))
        });
        if let Some(error) = error {
            // The id is put right: what stands in front of a server cannot know it.
            let message = ServerJsonRpcMessage::error(error, Some(request.id.clone()));
            return Ok(StreamableHttpPostResponse::Json(message, None));
        }
        if status == StatusCode::NOT_FOUND && in_session {
            return Err(StreamableHttpError::SessionExpired);
        }
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
            && !is_json_rpc_error(&body)
        {
            return Err(StreamableHttpError::Client(Error::NoEndpoint { url }));
        }
        Err(StreamableHttpError::Client(refusal.into()))
    }

    /// An answer of which not all came.
    fn broken_off(&self, error: &(dyn std::error::Error + 'static)) -> StreamableHttpError<Error> {
        match error.downcast_ref::<reqwest::Error>() {
            Some(error) => failure(error, self.limit).into(),
            None => unexpected(&error.to_string()),
        }
    }

    fn session(&self) -> std::sync::MutexGuard<'_, Session> {
        self.session.lock().expect("no holder of this lock can panic")
    }
}

impl From<Error> for StreamableHttpError<Error> {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

/// A JSON-RPC error with a code that the protocol defines (-32768 to -32000).
fn protocol_error(body: &[u8]) -> Option<ErrorData> {
    match serde_json::from_slice(body) {
        Ok(ServerJsonRpcMessage::Error(error)) => {
            Some(error.error).filter(|error| (-32768..=-32000).contains(&error.code.0))
        }
        _ => None,
    }
}

fn is_json_rpc_error(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|body| body["error"].is_object())
}

fn with(request: RequestBuilder, headers: &Headers, session: Option<&str>) -> RequestBuilder {
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    match session {
        Some(session) => request.header(SESSION, session),
        None => request,
    }
}

/// The events of a response that is one request's answer, and so bounded as a whole.
fn events(response: Response, limit: usize) -> BoxedSseResponse {
    let body = Limited::new(reqwest::Body::from(response), limit).map_err(std::io::Error::other);
    Box::pin(SseStream::new(body))
}

/// What a server says of a credential that ends soon, for people.
fn expiring(response: &Response) -> Option<String> {
    let ends = header(response, "credential-expires")?;
    let how = header(response, "credential-renew").unwrap_or_default();
    Some(format!("The credential ends at {ends}. {how}"))
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn unexpected(what: &str) -> StreamableHttpError<Error> {
    let error = format!("The answer is not one of an MCP server ({what}): check the URL.");
    StreamableHttpError::Client(Error::Unexpected(error))
}
