//! A plain reverse proxy: each request goes to the next server, and a session where it was opened,
//! if that is asked for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use tokio::net::TcpListener;

const SESSION: &str = "mcp-session-id";

/// Where the requests of a session go.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stickiness {
    /// To the next, like all others.
    None,
    /// To the server that gave it its id.
    BySession,
}

pub(crate) struct RoundRobin {
    address: SocketAddr,
    state: Arc<Mutex<Table>>,
}

struct Table {
    stickiness: Stickiness,
    backends: Vec<String>,
    served: Vec<usize>,
    next: usize,
    sessions: HashMap<String, usize>,
}

impl RoundRobin {
    pub(crate) async fn bind(stickiness: Stickiness) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let table = Table {
            stickiness,
            backends: Vec::new(),
            served: Vec::new(),
            next: 0,
            sessions: HashMap::new(),
        };
        let state = Arc::new(Mutex::new(table));
        let app = Router::new().fallback(forward).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, state }
    }

    /// The origins of these URLs.
    pub(crate) fn forward_to(&self, urls: [String; 2]) {
        let mut table = self.state.lock().expect("nobody panics with it");
        table.served = vec![0; urls.len()];
        table.backends = urls.map(|url| url.trim_end_matches("/mcp").to_owned()).into();
    }

    pub(crate) fn set(&self, stickiness: Stickiness) {
        self.state.lock().expect("nobody panics with it").stickiness = stickiness;
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin())
    }

    /// How many requests each got.
    pub(crate) fn served(&self) -> Vec<usize> {
        self.state.lock().expect("nobody panics with it").served.clone()
    }
}

impl Table {
    fn choose(&mut self, headers: &HeaderMap) -> (usize, String) {
        let session = headers.get(SESSION).and_then(|id| id.to_str().ok());
        let kept = session.and_then(|id| self.sessions.get(id)).copied();
        let chosen = kept.filter(|_| self.stickiness == Stickiness::BySession);
        let chosen = chosen.unwrap_or_else(|| {
            self.next = (self.next + 1) % self.backends.len();
            self.next
        });
        self.served[chosen] += 1;
        (chosen, self.backends[chosen].clone())
    }
}

async fn forward(State(state): State<Arc<Mutex<Table>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a test's request is small");
    let (chosen, origin) = state.lock().expect("nobody panics with it").choose(&head.headers);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let sent = reqwest::Client::new().request(head.method, format!("{origin}{path}"));
    let answer = sent.headers(head.headers).body(body).send().await.expect("the server is there");
    if let Some(id) = answer.headers().get(SESSION).and_then(|id| id.to_str().ok()) {
        state.lock().expect("nobody panics with it").sessions.insert(id.to_owned(), chosen);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = Body::new(reqwest::Body::from(answer));
    response
}
