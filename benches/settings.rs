//! For how long is measured, and how much is made of it.

use std::env;
use std::time::Duration;

use criterion::Criterion;

/// Criterion with our settings and then those of the command line.
pub(crate) fn criterion() -> Criterion {
    // `--quick` ends as soon as two readings agree. On a busy machine they never do, and then
    // the limit ends it. Drawing takes time for every resample, longer than the measuring if
    // there are as many as criterion takes by itself.
    let quick = env::args().any(|argument| argument == "--quick");
    let (longest, resamples) = if quick { (1, 2_000) } else { (5, 20_000) };
    Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(longest))
        .nresamples(resamples)
        .configure_from_args()
}
