//! What a scheme costs: to verify one credential, and to make one whole call with it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use client::Credential;
use mcp_auth::authn::Scheme;
use serde::Serialize;
use serde_json::json;

use crate::percentile::percentile;
use crate::{Kind, World, wire};

/// Verifications between two looks at the clock, whose own cost they share.
const BATCH: u32 = 20;
const BATCHES: usize = 101;
const WARM_UP: usize = 50;
const CALLS: usize = 500;

/// What was measured of one scheme.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// The scheme; `None` is the same work without authentication.
    pub scheme: Option<Kind>,
    /// Median of one verification, from the head of a request to an identity. Of a token that the
    /// server has not seen before.
    pub verify_ns: Option<u64>,
    /// The same of one that it has: of a token, whose signature it does not look at again. An API
    /// key is the same every time.
    pub verify_again_ns: Option<u64>,
    /// One whole `tools/call` over a connection that is kept open.
    pub call: Call,
    /// Bytes that the credential adds to every request: the whole header line.
    pub bytes: usize,
}

/// The time of one call, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Call {
    /// Half of the calls took no longer.
    pub p50_us: u64,
    /// All but one in a hundred took no longer.
    pub p99_us: u64,
}

/// Measures the call without authentication beside the call in each scheme.
///
/// # Errors
/// A credential was refused, or a call failed.
pub async fn measure(world: &World) -> anyhow::Result<Vec<Cost>> {
    Ok(measure_beside(world, &[]).await?.0)
}

/// The same, and the call at other servers beside them.
pub(crate) async fn measure_beside(
    world: &World,
    others: &[(&str, &Credential)],
) -> anyhow::Result<(Vec<Cost>, Vec<Call>)> {
    let mut doors = vec![(world.open.url.as_str(), None)];
    doors
        .extend(Kind::ALL.map(|kind| (world.side(kind).url.as_str(), Some(&world.side(kind).bob))));
    doors.extend(others.iter().map(|(url, credential)| (*url, Some(*credential))));
    let mut measured = calls(world, &doors).await?.into_iter();
    let mut costs = Vec::new();
    costs.extend(measured.next().map(|call| Cost {
        scheme: None,
        verify_ns: None,
        verify_again_ns: None,
        call,
        bytes: 0,
    }));
    for (kind, call) in Kind::ALL.into_iter().zip(measured.by_ref()) {
        let bob = &world.side(kind).bob;
        let (verify, again) = match kind {
            Kind::ApiKey => {
                let verify = verification(&world.api_keys, bob).await?;
                (verify, verify)
            }
            Kind::Jwt => (
                verification(&world.hs256[0], bob).await?,
                verification(&world.hs256[1], bob).await?,
            ),
            Kind::Rbac => (
                verification(&world.rs256[0], bob).await?,
                verification(&world.rs256[1], bob).await?,
            ),
        };
        costs.push(Cost {
            scheme: Some(kind),
            verify_ns: Some(verify),
            verify_again_ns: Some(again),
            call,
            bytes: line_length(bob),
        });
    }
    Ok((costs, measured.collect()))
}

async fn verification(scheme: &impl Scheme, credential: &Credential) -> anyhow::Result<u64> {
    let head = wire::head(Some(credential));
    let mut times = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let started = Instant::now();
        for _ in 0..BATCH {
            let identity = black_box(scheme.authenticate(black_box(&head)).await);
            ensure!(identity.is_ok(), "a good credential was refused by {}", scheme.name());
        }
        times.push(started.elapsed() / BATCH);
    }
    times.sort_unstable();
    Ok(nanoseconds(percentile(&times, 50)))
}

/// Calls every door in turn, so that whatever else the machine does falls on all alike.
async fn calls(world: &World, doors: &[(&str, Option<&Credential>)]) -> anyhow::Result<Vec<Call>> {
    let mut times = vec![Vec::with_capacity(CALLS); doors.len()];
    for round in 0..WARM_UP + CALLS {
        for ((url, credential), times) in doors.iter().zip(&mut times) {
            let request = wire::call(url, *credential, "get_time", json!({ "zone": "UTC" }));
            let started = Instant::now();
            let answer = world.send(request).await?;
            let took = started.elapsed();
            ensure!(
                answer.status == 200 && answer.message["result"]["structuredContent"].is_object(),
                "get_time was answered with {}",
                answer.status
            );
            if round >= WARM_UP {
                times.push(took);
            }
        }
    }
    let microseconds = |time| nanoseconds(time).div_ceil(1000);
    let call = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        let [p50_us, p99_us] = [50, 99].map(|percent| microseconds(percentile(times, percent)));
        Call { p50_us, p99_us }
    };
    Ok(times.iter_mut().map(call).collect())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// `name: value` and the end of the line.
pub(crate) fn line_length(credential: &Credential) -> usize {
    credential.header_name().as_str().len() + 2 + credential.header_value().len() + 2
}
