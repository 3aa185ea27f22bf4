//! What the log is told of a panic: where it was, and no text that may hold what was sent.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::thread;

/// Writes every panic of this process to the log. The hook that is there by default would
/// write its text to standard error, whatever is in it.
pub(crate) fn log() {
    panic::set_hook(Box::new(write));
}

/// The text of a panic if it stands in the source. `unwrap` and `panic!("{x}")` make theirs at
/// run time, of values.
pub(crate) fn said(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("what it said may hold what was sent")
}

fn write(panic: &PanicHookInfo<'_>) {
    // Only with RUST_BACKTRACE.
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(
        target: "panic",
        said = said(panic.payload()),
        at = panic.location().map(tracing::field::display),
        thread = thread::current().name(),
        trace,
    );
}
