//! One decision of each request, and who is told of it.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use mcp_auth::audit::{Audit, Auditor, Auditors, Decision, Pending, Place, Placing, Ruling};
use mcp_auth::authn::Scheme;
use mcp_auth::authn::credential::Credential;
use mcp_auth::authn::layer::Authenticate;
use mcp_auth::authz::layer::Authorize;
use mcp_auth::authz::peek::Peek;
use mcp_auth::authz::{Catalogue, CatalogueTool, Policy};
use mcp_auth::{Challenge, Identity, Rejection};
use tokio::sync::Semaphore;
use tower::util::BoxCloneService;
use tower::{ServiceBuilder, ServiceExt};

/// Takes the user's name for a credential.
struct ByName;

impl Scheme for ByName {
    fn name(&self) -> &'static str {
        "name"
    }

    async fn authenticate(&self, head: &Parts) -> Result<Arc<Identity>, Rejection> {
        let Credential::Bearer(user) = Credential::read(head)? else {
            return Err(Rejection::no_credential("no bearer"));
        };
        let scopes = vec!["read".to_owned()];
        Ok(Arc::new(Identity { scopes, ..Identity::new("name", "test", user) }))
    }
}

/// Remembers what it is told, and has so many places.
struct Memory {
    told: Mutex<Vec<String>>,
    /// Of the last decision.
    scheme: Mutex<Option<String>>,
    places: Arc<Semaphore>,
    full: AtomicBool,
}

struct OnePlace(
    Arc<Memory>,
    #[expect(dead_code, reason = "given back when dropped")] tokio::sync::OwnedSemaphorePermit,
);

impl Memory {
    fn tell(&self, how: &str, decision: &Decision<'_>) {
        *self.scheme.lock().unwrap() = decision.scheme.map(str::to_owned);
        let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        self.told.lock().unwrap().push(format!(
            "{how}: {} {} {} {} by {}",
            or_dash(decision.user),
            decision.outcome.name(),
            or_dash(decision.method),
            or_dash(decision.tool),
            decision.basis,
        ));
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

struct Shared(Arc<Memory>);

impl Auditor for Shared {
    fn decided(&self, decision: &Decision<'_>) {
        self.0.tell("unplaced", decision);
    }

    fn place(&self) -> Option<Placing> {
        let memory = Arc::clone(&self.0);
        Some(Box::pin(async move {
            let permit = Arc::clone(&memory.places).acquire_owned().await.unwrap();
            Ok(Box::new(OnePlace(memory, permit)) as Box<dyn Place>)
        }))
    }

    fn ready(&self) -> Result<(), Rejection> {
        if self.0.full.load(Ordering::Relaxed) {
            return Err(Rejection::unaudited(Duration::from_secs(1), "the disk is full"));
        }
        Ok(())
    }
}

impl Place for OnePlace {
    fn decided(self: Box<Self>, decision: &Decision<'_>) {
        self.0.tell("placed", decision);
    }
}

type Stack = BoxCloneService<Request<Full<Bytes>>, Response<()>, Infallible>;

/// The layers, with `handle` behind them.
fn stack<F, R>(handle: F) -> (Stack, Arc<Memory>)
where
    F: Fn(Request<Full<Bytes>>) -> R + Clone + Send + 'static,
    R: Future<Output = StatusCode> + Send + 'static,
{
    let memory = Arc::new(Memory {
        told: Mutex::default(),
        scheme: Mutex::default(),
        places: Arc::new(Semaphore::new(1)),
        full: AtomicBool::new(false),
    });
    let catalogue: Catalogue = ["look", "change"]
        .map(|name| CatalogueTool { name: name.into(), read_only: name == "look" })
        .into_iter()
        .collect();
    let policy = Policy::parse("[scopes.read]\ntools = [\"look\"]", catalogue).unwrap();
    let auditors: Auditors =
        [Arc::new(Shared(Arc::clone(&memory))) as Arc<dyn Auditor>].into_iter().collect();
    let service = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(drop))
        .layer(Audit::layer(auditors))
        .layer(Authenticate::new(ByName, Challenge::default()))
        .layer(Peek)
        .layer(Authorize::layer(Arc::new(policy), Challenge::default()))
        .service_fn(move |request: Request<Full<Bytes>>| {
            let answer = handle(request);
            async move {
                let mut response = Response::new(Full::<Bytes>::default());
                *response.status_mut() = answer.await;
                Ok::<_, Infallible>(response)
            }
        });
    (BoxCloneService::new(service), memory)
}

fn call(user: &str, body: &str) -> Request<Full<Bytes>> {
    let request = Request::post("/mcp");
    let request = if user.is_empty() {
        request
    } else {
        request.header("authorization", format!("Bearer {user}"))
    };
    request.body(Full::from(body.to_owned())).unwrap()
}

fn tool(name: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#)
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

#[tokio::test]
async fn a_handler_that_says_nothing_leaves_the_layers_word() {
    let (service, memory) = stack(|_| ready(StatusCode::OK));
    for (user, body, expected) in [
        ("bob", LIST.to_owned(), "placed: bob allowed tools/list - by known"),
        ("bob", tool("look"), "placed: bob allowed tools/call look by scope read"),
        ("bob", tool("change"), "placed: bob refused tools/call change by not_granted"),
        ("bob", tool("nothing"), "placed: bob refused tools/call nothing by unknown_tool"),
        ("", LIST.to_owned(), "unplaced: - refused POST - by no_credential"),
    ] {
        let _ = service.clone().oneshot(call(user, &body)).await.unwrap();
        assert_eq!(memory.told(), [expected]);
    }
}

#[tokio::test]
async fn the_handler_has_the_last_word_and_says_it_once() {
    let (service, memory) = stack(|request| {
        let pending = Pending::of(request.extensions()).unwrap();
        let first = pending.decide(Ruling::refused("not_granted", "the handler read otherwise"));
        let second = pending.decide(Ruling::refused("unknown_tool", "too late"));
        assert!(first && !second);
        ready(StatusCode::OK)
    });
    let _ = service.oneshot(call("bob", &tool("look"))).await.unwrap();
    assert_eq!(memory.told(), ["placed: bob refused tools/call look by not_granted"]);
}

#[tokio::test]
async fn what_the_mcp_service_refuses_was_refused() {
    let (service, memory) = stack(|_| ready(StatusCode::BAD_REQUEST));
    let _ = service.oneshot(call("bob", &tool("look"))).await.unwrap();
    assert_eq!(memory.told(), ["placed: bob refused tools/call look by mcp"]);
}

#[tokio::test]
async fn a_known_caller_waits_for_a_place_and_gives_it_back() {
    let (service, memory) = stack(|_| ready(StatusCode::OK));
    let held = Arc::clone(&memory.places).acquire_owned().await.unwrap();
    let mut waiting = Box::pin(service.clone().oneshot(call("bob", &tool("look"))));
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("it did not wait"),
        () = tokio::task::yield_now() => {}
    }
    // A stranger does not.
    let _ = service.clone().oneshot(call("", LIST)).await.unwrap();
    assert_eq!(memory.told().len(), 1);
    drop(held);
    assert_eq!(waiting.await.unwrap().status(), 200);
    assert_eq!(memory.told(), ["placed: bob allowed tools/call look by scope read"]);
    assert_eq!(memory.places.available_permits(), 1);
}

#[tokio::test]
async fn whoever_hangs_up_was_decided_about_all_the_same() {
    // In the middle of a call, which was let through.
    let (service, memory) = stack(|request| async move {
        std::future::pending::<()>().await;
        drop(request);
        StatusCode::OK
    });
    let mut running = Box::pin(service.oneshot(call("bob", &tool("look"))));
    tokio::select! {
        biased;
        _ = &mut running => panic!("it has no end"),
        () = tokio::task::yield_now() => {}
    }
    drop(running);
    assert_eq!(memory.told(), ["placed: bob allowed tools/call look by scope read"]);
    assert_eq!(memory.places.available_permits(), 1);
}

#[tokio::test]
async fn whoever_gives_up_while_it_waits_is_known_all_the_same() {
    let (service, memory) = stack(|_| async { panic!("nothing is done") });
    let _held = Arc::clone(&memory.places).acquire_owned().await.unwrap();
    let mut waiting = Box::pin(service.oneshot(call("bob", &tool("look"))));
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("it did not wait"),
        () = tokio::task::yield_now() => {}
    }
    drop(waiting);
    assert_eq!(memory.told(), ["unplaced: bob refused POST - by hung_up"]);
}

#[tokio::test]
async fn where_nothing_can_be_taken_down_nobody_gets_in() {
    let (service, memory) = stack(|_| async { panic!("nothing is done") });
    memory.full.store(true, Ordering::Relaxed);
    for user in ["bob", ""] {
        let answer = service.clone().oneshot(call(user, &tool("look"))).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(memory.told(), ["unplaced: - refused POST - by unaudited"]);
        let scheme = memory.scheme.lock().unwrap().clone();
        assert_eq!(scheme.as_deref(), Some("name"), "it is counted where alerts look");
    }
}
