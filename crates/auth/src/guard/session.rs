//! Binds the sessions of older clients to the identity that opened them.
//!
//! MCP before 2026-07-28 has sessions, and the service that keeps them asks nobody whose
//! they are. A session belongs to (issuer, user, client), not to one credential, so that a
//! renewed token keeps it; and it is never a credential itself. A session of someone else
//! and one that is not there get the same 404.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Either;
use tower::{Layer, Service};

use crate::authz::peek::Peeked;
use crate::{Challenge, Identity, Rejection, RejectionBody};

/// The header that names a session (MCP 2025-11-25, Streamable HTTP).
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The first version of the protocol without sessions.
const STATELESS_SINCE: &str = "2026-07-28";

/// How long a session may be idle. The MCP service behind has to be given the same time.
pub const IDLE: Duration = Duration::from_secs(5 * 60);

/// Most sessions that one identity may have open at a time.
const MOST_PER_OWNER: usize = 32;

/// Who owns which session. It comes after authentication and [`Peek`](crate::authz::peek::Peek).
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Mutex<Table>>);

/// The service that [`Sessions`] makes.
#[derive(Clone, Debug)]
pub struct Bound<S> {
    sessions: Sessions,
    inner: S,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<String, Session>,
    /// One entry for each `initialize` that is being answered.
    opening: Vec<Owner>,
}

#[derive(Debug)]
struct Session {
    owner: Owner,
    last_used: Instant,
}

/// (issuer, user, client): the same caller with a newer credential is the same owner.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Owner(String, String, String);

/// A request's part in a session: it uses one, or is about to open one.
#[derive(Debug)]
enum Part {
    Opens(Place),
    Uses(String),
}

/// A place among the sessions of one owner, given back when it is dropped. It is taken
/// before the session is there, so that many at once cannot slip past the limit.
#[derive(Debug)]
struct Place {
    owner: Owner,
    sessions: Sessions,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.sessions.lock();
        if let Some(at) = table.opening.iter().position(|owner| *owner == self.owner) {
            table.opening.swap_remove(at);
        }
    }
}

impl Owner {
    fn of(identity: &Identity) -> Self {
        Self(identity.issuer.clone(), identity.user.clone(), identity.client.clone())
    }
}

impl Sessions {
    /// No session is open yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges the request, and takes session headers out of one that has no sessions.
    fn admit<B>(&self, request: &mut Request<B>) -> Result<Option<Part>, Rejection> {
        let Some(identity) = Identity::of(request.extensions()).cloned() else {
            return Err(Rejection::unprotected("sessions without authentication before them"));
        };
        let headers = request.headers_mut();
        let version = headers.get(PROTOCOL_VERSION).map(HeaderValue::as_bytes);
        if version.is_some_and(|version| version >= STATELESS_SINCE.as_bytes()) {
            // Left in place, it would let an `initialize` under a new version's name into
            // the session of another.
            headers.remove(SESSION_ID);
            headers.remove(LAST_EVENT_ID);
        }
        if let Some(id) = request.headers().get(SESSION_ID) {
            let Ok(id) = id.to_str() else {
                return Err(Rejection::session_not_found("the session id is not ASCII"));
            };
            self.touch(id, &Owner::of(&identity))?;
            Ok(Some(Part::Uses(id.to_owned())))
        } else if request.extensions().get::<Peeked>().is_some_and(Peeked::is_initialize) {
            Ok(Some(Part::Opens(self.place(Owner::of(&identity))?)))
        } else {
            Ok(None)
        }
    }

    fn touch(&self, id: &str, owner: &Owner) -> Result<(), Rejection> {
        match self.lock().open.get_mut(id) {
            Some(session) if session.owner == *owner => {
                session.last_used = Instant::now();
                Ok(())
            }
            Some(_) => Err(Rejection::session_not_found("the session belongs to another caller")),
            None => Err(Rejection::session_not_found("there is no such session")),
        }
    }

    fn place(&self, owner: Owner) -> Result<Place, Rejection> {
        let mut table = self.lock();
        // The service behind has closed these by itself.
        table.open.retain(|_, session| session.last_used.elapsed() < IDLE);
        let opening = table.opening.iter().filter(|other| **other == owner).count();
        let open = table.open.values().filter(|session| session.owner == owner).count();
        if open + opening >= MOST_PER_OWNER {
            return Err(Rejection::too_many_sessions(format!("{open} sessions are open")));
        }
        table.opening.push(owner.clone());
        drop(table);
        Ok(Place { owner, sessions: self.clone() })
    }

    /// Follows what the answer did to the session that was used, or that it opened.
    fn follow<R>(&self, part: &Part, method: &Method, answer: &Response<R>) {
        match part {
            Part::Opens(place) => {
                let opened = answer.headers().get(SESSION_ID).and_then(|id| id.to_str().ok());
                if let Some(id) = opened {
                    let session = Session { owner: place.owner.clone(), last_used: Instant::now() };
                    self.lock().open.entry(id.to_owned()).or_insert(session);
                }
            }
            Part::Uses(id) => {
                let ended = *method == Method::DELETE && answer.status().is_success();
                if ended || answer.status() == StatusCode::NOT_FOUND {
                    self.lock().open.remove(id);
                }
            }
        }
    }

    /// A panic elsewhere leaves the table whole: every change to it is one call.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for Sessions {
    type Service = Bound<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bound { sessions: self.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for Bound<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<Either<R, RejectionBody>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let part = match self.sessions.admit(&mut request) {
            Ok(part) => part,
            Err(rejection) => {
                let answer = rejection.answer(&Challenge::default(), request.extensions_mut());
                return Box::pin(std::future::ready(Ok(answer.map(Either::Right))));
            }
        };
        let sessions = self.sessions.clone();
        let method = request.method().clone();
        let answering = self.inner.call(request);
        Box::pin(async move {
            let answer = answering.await?;
            if let Some(part) = part {
                sessions.follow(&part, &method, &answer);
            }
            Ok(answer.map(Either::Left))
        })
    }
}
