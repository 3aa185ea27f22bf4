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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_at_run_time_is_not_repeated() {
        let caught = |panic: fn()| panic::catch_unwind(panic).unwrap_err();
        let secret = || std::hint::black_box("hunter2");
        assert_eq!(said(&*caught(|| panic!("no place is left"))), "no place is left");
        let made = caught(move || panic!("{} is wrong", std::hint::black_box("hunter2")));
        let unwrapped =
            caught(|| assert_eq!("hunter2".parse::<u32>().map_err(|_| "hunter2").unwrap(), 0));
        for payload in [made, unwrapped] {
            assert!(!said(&*payload).contains(secret()), "{}", said(&*payload));
        }
    }
}
