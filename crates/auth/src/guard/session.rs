//! Binds the sessions of older clients to the caller that opened them.
//!
//! MCP before 2026-07-28 has sessions, and the service that keeps them asks nobody whose
//! they are. A session belongs to (issuer, user, client), not to one credential, so that a
//! renewed token keeps it; and it is never a credential itself: each request is judged by the
//! rights that its own credential has now. A session of someone else and one that is not there
//! get the same 404.
//!
//! A session ends with the credential that used it last, when that is revoked: [`Sessions::over`]
//! says which do, and whoever keeps them has to be told.
//!
//! A stream can bring answers again that an earlier request of the session was given. So it is
//! opened only to a credential that has all the rights which the session was used with.

mod rights;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;

use super::gate::{Check, Gate};
use super::streams::StreamEnd;
use crate::authn::Standing;
use crate::authz::peek::Peeked;
use crate::identity::Caller;
use crate::{Challenge, Identity, Rejection, metrics};
use rights::Rights;

/// The header that names a session (MCP 2025-11-25, Streamable HTTP).
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The first version of the protocol without sessions.
const STATELESS_SINCE: &str = "2026-07-28";

/// How long a session may be idle. The MCP service behind has to be given the same time.
pub const IDLE: Duration = Duration::from_secs(5 * 60);

/// How long a session lasts at most, however busy it is.
pub const LIFE: Duration = Duration::from_secs(8 * 60 * 60);

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How often callers are forgotten that have nothing open any more.
const SWEEP: Duration = Duration::from_secs(60);

/// Most sessions that one caller may have open at a time.
pub const MOST_PER_CALLER: usize = 32;

/// Longest session id in bytes.
const MAX_ID: usize = 256;

/// Who owns which session. Its layer comes after authentication and
/// [`Peek`](crate::authz::peek::Peek). Clones are the same.
#[derive(Clone, Debug)]
pub struct Sessions {
    table: Arc<Mutex<Table>>,
    idle: Duration,
    life: Duration,
}

/// What its owner may know of a session.
#[derive(Clone, Debug, serde::Serialize)]
pub struct OpenSession {
    /// Its id, which ends it: `DELETE` with the header `Mcp-Session-Id`.
    pub id: String,
    /// Since when it is open.
    pub opened: Timestamp,
    /// When it was used last.
    pub last_used: Timestamp,
    /// When it ends, if nobody uses it and nobody ends it before.
    pub ends_when_idle: Timestamp,
    /// When it ends, however busy it is.
    pub ends: Timestamp,
}

#[derive(Debug)]
struct Table {
    callers: HashMap<Caller, Own>,
    /// When the callers that did not come back were forgotten last.
    swept: Instant,
    /// Whether somebody counts what is open.
    watched: bool,
}

/// What one caller has.
#[derive(Debug, Default)]
struct Own {
    open: HashMap<String, Session>,
    /// How many `initialize` are being answered.
    opening: usize,
    /// When an `initialize` was given up before it was answered: a session may have come of it
    /// that nobody knows the name of, and that ends when it has been idle.
    given_up: Vec<Instant>,
}

#[derive(Debug)]
struct Session {
    rights: Rights,
    opened: Instant,
    last_used: Instant,
    used_by: Arc<Identity>,
}

/// What is remembered of a request until it is answered.
#[derive(Debug)]
pub struct InSession(Part);

/// A request's part in a session: it uses one, or is about to open one.
#[derive(Debug)]
enum Part {
    /// It has none.
    None,
    /// It is an `initialize`.
    Opens(Place, Arc<Identity>),
    /// It names a session of this caller, and with this method may end it.
    Uses(Caller, String, Method),
}

/// A place among the sessions of one caller, given back when the answer is there. It is taken
/// before the session is, so that many at once cannot slip past the limit; and kept for as long
/// as a session may be idle when the caller hung up, so that neither can those.
#[derive(Debug)]
struct Place {
    owner: Caller,
    sessions: Sessions,
    answered: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(own) = self.sessions.lock().callers.get_mut(&self.owner) {
            own.opening = own.opening.saturating_sub(1);
            if !self.answered {
                own.given_up.push(Instant::now());
            }
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        let table = Table { callers: HashMap::new(), swept: Instant::now(), watched: false };
        Self { table: Arc::new(Mutex::new(table)), idle: IDLE, life: LIFE }
    }
}

impl Sessions {
    /// No session is open yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends sessions after other times than [`IDLE`] and [`LIFE`], of a year at most.
    pub fn lasting(self, idle: Duration, life: Duration) -> Self {
        Self { idle: idle.min(YEAR), life: life.min(YEAR), ..self }
    }

    /// The layer.
    pub fn layer(&self) -> Gate<Self> {
        let known = std::mem::replace(&mut self.lock().watched, true);
        if !known {
            let Self { idle, life, .. } = *self;
            metrics::watch(&self.table, move |table, gauges| {
                let table = table.lock().unwrap_or_else(PoisonError::into_inner);
                let sessions = table.callers.values().flat_map(|own| own.open.values());
                let open = sessions.filter(|session| session.is_open(idle, life)).count();
                gauges.add(metrics::SESSIONS_OPEN, None, open as f64);
            });
        }
        Gate::new(self.clone(), Challenge::default())
    }

    /// The sessions that this caller has open, the oldest first.
    pub fn of(&self, identity: &Arc<Identity>) -> Vec<OpenSession> {
        let mut table = self.lock();
        let Some(own) = table.callers.get_mut(&Caller::of(identity)) else { return Vec::new() };
        own.open.retain(|_, session| self.is_open(session));
        let mut open: Vec<_> =
            own.open.iter().map(|(id, session)| self.shown(id, session)).collect();
        open.sort_by(|a, b| (a.opened, &a.id).cmp(&(b.opened, &b.id)));
        open
    }

    /// Forgets the sessions whose credential, the one that used them last, was ended before its
    /// time, and answers their ids with it. The MCP service behind has to end them too: by `DELETE`.
    /// One that has just expired ends none, for it will be renewed.
    ///
    /// Where nobody can say whether a credential has ended, its sessions stay: without a
    /// credential they are of no use.
    pub fn over(&self, standing: &dyn Standing) -> Vec<(String, Arc<Identity>)> {
        let now = Timestamp::now();
        let is_over = |session: &Session| {
            let expires = session.used_by.expires;
            let end = standing.end(&session.used_by).ok().flatten();
            end.is_some_and(|end| end <= now && expires.is_none_or(|expires| end < expires))
        };
        let mut over = Vec::new();
        for own in self.lock().callers.values_mut() {
            let ended = own.open.extract_if(|_, session| is_over(session));
            over.extend(ended.map(|(id, session)| (id, session.used_by)));
        }
        over
    }

    fn shown(&self, id: &str, session: &Session) -> OpenSession {
        let now = Timestamp::now();
        let ago = |moment: Instant| now - moment.elapsed();
        OpenSession {
            id: id.to_owned(),
            opened: ago(session.opened),
            last_used: ago(session.last_used),
            ends_when_idle: ago(session.last_used) + self.idle,
            ends: ago(session.opened) + self.life,
        }
    }

    fn touch(
        &self,
        id: &str,
        identity: &Arc<Identity>,
        method: &Method,
    ) -> Result<StreamEnd, Rejection> {
        let mut table = self.lock();
        let own = table.callers.get_mut(&Caller::of(identity));
        let session = own.and_then(|own| own.open.get_mut(id));
        let Some(session) = session.filter(|session| self.is_open(session)) else {
            return Err(Rejection::session_not_found(
                "the caller has no such session: it is another's, has ended, or never was",
            ));
        };
        if *method == Method::GET && !session.rights.are_within(identity) {
            return Err(Rejection::session_not_found(
                "the session was used with rights that this credential lacks",
            ));
        }
        session.rights.add(identity);
        session.last_used = Instant::now();
        session.used_by = Arc::clone(identity);
        Ok(StreamEnd(session.opened + self.life))
    }

    fn place(&self, identity: &Arc<Identity>) -> Result<Place, Rejection> {
        let owner = Caller::of(identity);
        let mut table = self.lock();
        self.sweep(&mut table);
        let own = table.callers.entry(owner.clone()).or_default();
        self.forget_ended(own);
        if own.open.len() + own.opening + own.given_up.len() >= MOST_PER_CALLER {
            let open = own.open.len();
            return Err(Rejection::too_many_sessions(format!("{open} sessions are open")));
        }
        own.opening += 1;
        drop(table);
        Ok(Place { owner, sessions: self.clone(), answered: false })
    }

    /// Whoever does not come back is forgotten too.
    fn sweep(&self, table: &mut Table) {
        if table.swept.elapsed() < SWEEP {
            return;
        }
        table.swept = Instant::now();
        table.callers.retain(|_, own| {
            self.forget_ended(own);
            own.opening > 0 || !own.open.is_empty() || !own.given_up.is_empty()
        });
    }

    fn forget_ended(&self, own: &mut Own) {
        own.open.retain(|_, session| self.is_open(session));
        own.given_up.retain(|then| then.elapsed() < self.idle);
    }

    /// The service behind closes idle ones by itself; what outlived its life nobody reaches any
    /// more, and so is idle from then on.
    fn is_open(&self, session: &Session) -> bool {
        session.is_open(self.idle, self.life)
    }

    /// A panic elsewhere leaves the table whole: every change to it is one call.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check for Sessions {
    type Pass = InSession;

    const LAYER: Option<&'static str> = Some("sessions");

    /// Takes session headers out of a request that has no sessions.
    fn check<B>(&self, request: &mut Request<B>) -> Result<InSession, Rejection> {
        let Some(identity) = Identity::of(request.extensions()).cloned() else {
            return Err(Rejection::unprotected("sessions without authentication before them"));
        };
        let headers = request.headers_mut();
        if is_stateless(headers) {
            // Left in place, it would let an `initialize` under a new version's name into
            // the session of another.
            headers.remove(SESSION_ID);
            headers.remove(LAST_EVENT_ID);
        }
        let is_initialize = request.extensions().get::<Peeked>().is_some_and(Peeked::is_initialize);
        match request.headers().get(SESSION_ID) {
            Some(id) => {
                let id = session_id(id)?.to_owned();
                let method = request.method().clone();
                let end = self.touch(&id, &identity, &method)?;
                request.extensions_mut().insert(end);
                Ok(InSession(Part::Uses(Caller::of(&identity), id, method)))
            }
            None if is_initialize => Ok(InSession(Part::Opens(self.place(&identity)?, identity))),
            None => Ok(InSession(Part::None)),
        }
    }

    /// Follows what the answer did to the session that was used, or that it opened.
    fn answered<R>(&self, part: InSession, answer: &mut Response<R>) {
        match part.0 {
            Part::None => {}
            Part::Opens(mut place, identity) => {
                place.answered = true;
                let opened = answer.headers().get(SESSION_ID).and_then(|id| id.to_str().ok());
                if let Some(id) = opened {
                    let mut table = self.lock();
                    let own = table.callers.entry(place.owner.clone()).or_default();
                    own.open.insert(id.to_owned(), Session::new(&identity));
                }
            }
            Part::Uses(caller, id, method) => {
                // A 404 to any other method may mean the method of JSON-RPC that was named, and
                // whoever frees a place by it could open sessions without end.
                let status = answer.status();
                if method == Method::DELETE
                    && (status.is_success() || status == StatusCode::NOT_FOUND)
                    && let Some(own) = self.lock().callers.get_mut(&caller)
                {
                    own.open.remove(&id);
                }
            }
        }
    }
}

impl Session {
    fn new(identity: &Arc<Identity>) -> Self {
        let now = Instant::now();
        let mut rights = Rights::default();
        rights.add(identity);
        Self { rights, opened: now, last_used: now, used_by: Arc::clone(identity) }
    }

    fn is_open(&self, idle: Duration, life: Duration) -> bool {
        self.last_used.elapsed() < idle && self.opened.elapsed() < life
    }
}

/// Whether the request is in a version of the protocol that has no sessions.
pub(crate) fn is_stateless(headers: &HeaderMap) -> bool {
    let version = headers.get(PROTOCOL_VERSION).map(HeaderValue::as_bytes);
    version.is_some_and(|version| version >= STATELESS_SINCE.as_bytes())
}

/// Visible ASCII (MCP 2025-11-25, Streamable HTTP, Session Management).
fn session_id(value: &HeaderValue) -> Result<&str, Rejection> {
    let id = value.to_str().ok().filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic()));
    match id {
        Some(id) if !id.is_empty() && id.len() <= MAX_ID => Ok(id),
        Some(_) => Err(Rejection::bad_header("the session id is empty or too long")),
        None => Err(Rejection::bad_header("the session id is not visible ASCII")),
    }
}
