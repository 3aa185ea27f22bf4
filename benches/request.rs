//! What one whole tool call costs in a server, from the parsed head of the request to the
//! bytes of the answer. No network: what is measured is the work of the program.

#[path = "request/answer.rs"]
mod answer;
#[path = "request/call.rs"]
mod call;
#[path = "request/doors.rs"]
mod doors;
#[path = "request/issuer.rs"]
mod issuer;
mod settings;

use benches::{Question, say_where_the_report_is};
use call::Call;
use doors::{Door, audited, counted, doors, unprotected};
use http::StatusCode;
use tokio::runtime::{Builder, Runtime};

fn main() {
    serve::install_crypto();
    let mut criterion = settings::criterion();
    // One thread, so that a figure is the work of all tasks that a request starts.
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system has room for one more poll");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let doors = runtime.block_on(async { doors(folder.path()).await });
    let open = runtime.block_on(async { unprotected() });
    let audited = runtime.block_on(async { audited(folder.path()) });

    let mut group = criterion.benchmark_group(Question::CALL_REFUSED.group);
    for door in &doors {
        measure(&mut group, &runtime, door, &door.bad, StatusCode::UNAUTHORIZED);
    }
    group.finish();

    let mut group = criterion.benchmark_group(Question::CALL_ACCEPTED.group);
    measure(&mut group, &runtime, &open, &open.good, StatusCode::OK);
    for door in &doors {
        measure(&mut group, &runtime, door, &door.good, StatusCode::OK);
    }
    measure(&mut group, &runtime, &audited, &audited.good, StatusCode::OK);
    // Last, for from then on all that is done is counted.
    let counted = runtime.block_on(async { counted(folder.path()) });
    measure(&mut group, &runtime, &counted, &counted.good, StatusCode::OK);
    group.finish();

    criterion.final_summary();
    say_where_the_report_is();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn measure(group: &mut Group<'_>, runtime: &Runtime, door: &Door, call: &Call, status: StatusCode) {
    group.bench_function(door.name, |bencher| {
        bencher.to_async(runtime).iter(async || {
            let answer = call.send(&door.router).await;
            assert_eq!(answer.status, status);
            // The zone that was asked for is in the answer of the tool and in no refusal.
            assert_eq!(answer.holds(call::ANSWER), status == StatusCode::OK);
            answer
        });
    });
}
