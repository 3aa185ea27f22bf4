//! How soon a revocation counts: at two servers of each scheme on one store, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use client::Credential;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::{KeyId, PlainKey};
use mcp_auth::authn::jwt::{RevokedToken, Signer};
use mcp_auth::guard::session::SESSION_ID;
use mcp_auth::secret;
use serde::Serialize;
use serde_json::json;
use store::{NewKey, Store};

use crate::percentile::percentile;
use crate::tables::table;
use crate::tokens::bobs_claims;
use crate::{Kind, Machine, Side, Style, World, wire, world};

/// What is promised of a store in a file.
pub const PROMISED: Duration = Duration::from_millis(250);
/// What is promised of one on a PostgreSQL server.
pub const PROMISED_ON_A_SERVER: Duration = Duration::from_secs(1);
/// How often a server looks at its store.
const LOOKS: Duration = Duration::from_millis(100);
/// Longer than this is none at all.
const LONGEST: Duration = Duration::from_secs(10);
/// Callers that ask without a pause, at the servers of every scheme.
const LOAD: usize = 4;

/// How soon revocations counted.
#[derive(Clone, Debug, Serialize)]
pub struct Bounds {
    /// Where it was measured.
    pub machine: Machine,
    /// What is promised, in milliseconds.
    pub promised_ms: f64,
    /// How many calls a second went on meanwhile.
    pub calls_per_second: u64,
    /// One row for each scheme and what was waited for.
    pub rows: Vec<Spread>,
}

/// The times after a revocation until something was so, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    /// The scheme.
    pub scheme: Kind,
    /// `refused`: both servers refuse a new call; `stream ended`: an open stream has ended.
    pub what: &'static str,
    /// How many revocations.
    pub count: usize,
    /// The shortest.
    pub min_ms: f64,
    /// Half took no longer.
    pub p50_ms: f64,
    /// Nine in ten took no longer.
    pub p90_ms: f64,
    /// All but one in a hundred took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Bounds {
    /// A table, and what was promised.
    pub fn text(&self, style: Style) -> String {
        let head = ["after a revocation", "times", "shortest", "p50", "p90", "p99", "longest"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(self.rows.iter().map(|row| {
            let what = format!("{}: {}", row.scheme.title(), row.what);
            let times = [row.min_ms, row.p50_ms, row.p90_ms, row.p99_ms, row.max_ms];
            let times = times.map(|time| format!("{time:.1} ms"));
            [what, row.count.to_string()].into_iter().chain(times).collect()
        }));
        let kept = if self.are_kept() { "kept" } else { "not kept" };
        format!(
            "{}\n\nPromised: {} ms, at every server of a store. It was {kept}, with {} calls a second \
             going on.\n{}\n",
            table(rows, style),
            self.promised_ms,
            self.calls_per_second,
            self.machine.text(),
        )
    }

    /// Whether all but one in a hundred revocations counted as soon as is promised.
    pub fn are_kept(&self) -> bool {
        self.rows.iter().all(|row| row.p99_ms <= self.promised_ms)
    }
}

/// Revokes `count` credentials of each scheme, one after the other, as `keygen` does it.
///
/// # Errors
/// A server does not start, a credential is not taken, or a revocation does not count at all.
pub(crate) async fn measure(
    world: &World,
    count: usize,
    next: impl Fn(String),
) -> anyhow::Result<Bounds> {
    let load = Load::start(world);
    let started = Instant::now();
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        next(format!("revoking {count} credentials: {}", kind.title()));
        let place = Place::new(world, world.side(kind))?;
        let (mut refused, mut ended) = (Vec::new(), Vec::new());
        for number in 0..count {
            // Spread evenly over the time between two looks of a server, which would otherwise
            // have looked just before each of them.
            let pause = LOOKS.mul_f64(number as f64 / count as f64);
            let (until_refused, until_ended) = place.revoke_one(pause).await?;
            refused.push(until_refused);
            ended.push(until_ended);
        }
        rows.push(Spread::of(kind, "refused", refused));
        rows.push(Spread::of(kind, "stream ended", ended));
    }
    let seconds = started.elapsed().as_secs().max(1);
    let calls_per_second = load.stop() / seconds;
    let machine = Machine::here();
    let promised = if world.store.is_on_a_server() { PROMISED_ON_A_SERVER } else { PROMISED };
    Ok(Bounds { machine, promised_ms: milliseconds(promised), calls_per_second, rows })
}

/// A scheme's server, another on the same store, and what signs for them.
struct Place<'a> {
    world: &'a World,
    side: &'a Side,
    /// Held for as long as it is asked.
    _other: world::Up,
    urls: [String; 2],
    /// As another process has it open.
    store: Store,
    signer: Option<Signer>,
}

/// One credential that is about to be taken back.
enum Lost {
    Key(KeyId),
    Token(RevokedToken),
}

impl<'a> Place<'a> {
    fn new(world: &'a World, side: &'a Side) -> anyhow::Result<Self> {
        let other = world::replica(side.kind, &world.keys, world.store.path(), side.origin())?;
        let urls = [side.url.clone(), other.url.clone()];
        let store = Store::open(world.store.path())?;
        let file = |name: &str| secret::read(&world.keys.join(name));
        let signer = match side.kind {
            Kind::ApiKey => None,
            Kind::Jwt => Some(Signer::hs256(&file("jwt.secret")?)?),
            Kind::Rbac => Some(Signer::rs256(&file("rsa_private.pem")?)?),
        };
        Ok(Self { world, side, _other: other, urls, store, signer })
    }

    /// How long after it was revoked both servers refused a credential, and a stream ended.
    async fn revoke_one(&self, pause: Duration) -> anyhow::Result<(Duration, Duration)> {
        let (credential, lost) = self.made()?;
        for url in &self.urls {
            self.until(url, &credential, 200, Instant::now()).await?;
        }
        let stream = self.stream(&credential).await?;
        let ended = tokio::spawn(async move {
            let mut stream = stream;
            while let Ok(Some(_)) = stream.chunk().await {}
            Instant::now()
        });
        tokio::time::sleep(pause).await;
        match &lost {
            Lost::Key(id) => self.store.revoke_key(*id)?,
            Lost::Token(token) => self.store.revoke_token(token)?,
        };
        let revoked = Instant::now();
        let [first, second] = &self.urls;
        let (first, second) = tokio::try_join!(
            self.until(first, &credential, 401, revoked),
            self.until(second, &credential, 401, revoked)
        )?;
        let ended = tokio::time::timeout(LONGEST, ended).await.context("a stream goes on")??;
        Ok((first.max(second), ended.saturating_duration_since(revoked)))
    }

    /// A new credential of bob's.
    fn made(&self) -> anyhow::Result<(Credential, Lost)> {
        let Some(signer) = &self.signer else {
            let key = PlainKey::mint();
            let grants = vec!["get_time".to_owned()];
            self.store
                .insert_key(NewKey { grants, ..NewKey::of(&key, "bob", "Bob's lost key") })?;
            return Ok((Side::present(self.side.kind, key.reveal())?, Lost::Key(key.id())));
        };
        let claims = bobs_claims(self.side.kind, &self.side.url);
        let lost = RevokedToken {
            jti: claims.jti.clone().context("the token has a name")?,
            client: claims.client_id.clone().context("the token has a client")?,
            ends: Timestamp::from_second(claims.exp)? + SignedDuration::from_mins(1),
        };
        Ok((Side::present(self.side.kind, &signer.mint(&claims))?, Lost::Token(lost)))
    }

    /// How long after `since` a call was answered so.
    async fn until(
        &self,
        url: &str,
        credential: &Credential,
        status: u16,
        since: Instant,
    ) -> anyhow::Result<Duration> {
        loop {
            let call = wire::call(url, Some(credential), "get_time", json!({}));
            let found = self.world.send(call).await?.status;
            let took = since.elapsed();
            if found == status {
                return Ok(took);
            }
            ensure!(took < LONGEST, "{url} answers {found} and not {status}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The stream on which an older client listens.
    async fn stream(&self, credential: &Credential) -> anyhow::Result<reqwest::Response> {
        let older = |method: Method| {
            self.world
                .http
                .request(method, &self.side.url)
                .header(credential.header_name(), credential.header_value())
                .header("accept", "application/json, text/event-stream")
                .header("mcp-protocol-version", "2025-11-25")
        };
        let initialize = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": { "name": "compare", "version": env!("CARGO_PKG_VERSION") },
            },
        });
        let opened = older(Method::POST).json(&initialize).send().await?;
        let session = opened.headers().get(SESSION_ID).context("no session was opened")?.clone();
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        older(Method::POST).header(SESSION_ID, &session).json(&initialized).send().await?;
        let stream = older(Method::GET).header(SESSION_ID, &session).send().await?;
        ensure!(stream.status() == StatusCode::OK, "no stream: {}", stream.status());
        Ok(stream)
    }
}

/// Callers that go on until they are stopped.
struct Load {
    over: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
}

impl Load {
    fn start(world: &World) -> Self {
        let (over, calls) = <(Arc<AtomicBool>, Arc<AtomicU64>)>::default();
        for number in 0..LOAD {
            let side = world.side(Kind::ALL[number % Kind::ALL.len()]);
            let (url, bob, http) = (side.url.clone(), side.bob.clone(), world.http.clone());
            let (over, calls) = (Arc::clone(&over), Arc::clone(&calls));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let (head, body) =
                        wire::call(&url, Some(&bob), "get_time", json!({})).into_parts();
                    let sent = http.post(&url).headers(head.headers).body(body).send().await;
                    let answer = match sent {
                        Ok(answer) => answer.bytes().await.is_ok(),
                        Err(_) => false,
                    };
                    calls.fetch_add(u64::from(answer), Ordering::Relaxed);
                }
            });
        }
        Self { over, calls }
    }

    /// How many calls were answered.
    fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.calls.load(Ordering::Relaxed)
    }
}

impl Spread {
    fn of(scheme: Kind, what: &'static str, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent| milliseconds(percentile(&times, percent));
        let (min_ms, max_ms) = (at(0), at(100));
        let (p50_ms, p90_ms, p99_ms) = (at(50), at(90), at(99));
        Self { scheme, what, count: times.len(), min_ms, p50_ms, p90_ms, p99_ms, max_ms }
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
