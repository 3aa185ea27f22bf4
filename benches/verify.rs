//! What it costs to find out who is calling, without a server around it.

#[path = "verify/caller.rs"]
mod caller;
#[path = "verify/decode.rs"]
mod decode;
#[path = "verify/keys.rs"]
mod keys;
mod settings;
#[path = "verify/signature.rs"]
mod signature;

use std::hint::black_box;

use benches::{Question, say_where_the_report_is};
use caller::{Bad, Caller};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use http::StatusCode;
use http::request::Parts;
use mcp_auth::authn::Scheme;
use tokio::runtime::{Builder, Runtime};

fn main() {
    serve::install_crypto();
    let mut criterion = settings::criterion();
    let caller = Caller::new();
    accepted(&mut criterion, &caller);
    refused(&mut criterion, &caller);
    keys::store_size(&mut criterion, &runtime());
    signature::libraries(&mut criterion, &caller);
    decode::ours_and_theirs(&mut criterion, &caller);
    criterion.final_summary();
    say_where_the_report_is();
}

/// The same user, known by each scheme in turn.
fn accepted(criterion: &mut Criterion, caller: &Caller) {
    let mut group = criterion.benchmark_group(Question::VERIFY_ACCEPTED.group);
    let runtime = runtime();
    let good = &caller.good;
    lets_in(&mut group, &runtime, "apikey", &caller.api_keys, &good.api_key);
    lets_in(&mut group, &runtime, "jwt hs256", &caller.hs256, &good.hs256);
    lets_in(&mut group, &runtime, "jwt rs256", &caller.rs256, &good.rs256);
    group.finish();
}

/// What anybody can send, and what only a former user has.
fn refused(criterion: &mut Criterion, caller: &Caller) {
    let mut group = criterion.benchmark_group(Question::VERIFY_REFUSED.group);
    let runtime = runtime();
    for Bad { name, head } in &caller.bad_keys {
        turns_away(&mut group, &runtime, &format!("apikey {name}"), &caller.api_keys, head);
    }
    for Bad { name, head } in &caller.bad_hs256 {
        turns_away(&mut group, &runtime, &format!("jwt hs256 {name}"), &caller.hs256, head);
    }
    for Bad { name, head } in &caller.bad_rs256 {
        turns_away(&mut group, &runtime, &format!("jwt rs256 {name}"), &caller.rs256, head);
    }
    group.finish();
}

fn lets_in(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    name: &str,
    scheme: &impl Scheme,
    head: &Parts,
) {
    group.bench_function(name, |bencher| {
        bencher.to_async(runtime).iter(async || {
            let identity = scheme.authenticate(black_box(head)).await;
            let identity = identity.expect("the credential is good");
            assert_eq!(identity.user, caller::USER);
            identity
        });
    });
}

fn turns_away(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    name: &str,
    scheme: &impl Scheme,
    head: &Parts,
) {
    group.bench_function(name, |bencher| {
        bencher.to_async(runtime).iter(async || {
            let rejection = scheme.authenticate(black_box(head)).await;
            let rejection = rejection.expect_err("the credential is bad");
            assert_eq!(rejection.status(), StatusCode::UNAUTHORIZED);
            rejection
        });
    });
}

/// One thread: what is awaited is ready at once, and nothing else runs.
fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime without drivers needs nothing")
}
