//! What is left of it all when it is over: memory and tasks of this process, in which all
//! servers run.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// By how much memory may have grown in one run of a table that was run before.
///
/// It is some 3 KiB for each request, so that a buffer or a head of each that is kept would be
/// noticed; and more than an allocator keeps for itself: the largest bodies are of 4 MiB, and
/// its arenas may hold on to one.
const GROWTH: usize = 8 * 1024 * 1024;

/// How long connections may take to close when their clients have gone.
const GRACE: Duration = Duration::from_secs(10);

/// Memory and tasks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    /// Resident memory in bytes.
    memory: usize,
    /// Tasks of the runtime that have not ended.
    tasks: usize,
}

impl Footprint {
    pub(crate) fn now() -> Self {
        Self { memory: resident(), tasks: Handle::current().metrics().num_alive_tasks() }
    }

    /// As soon as there are no more tasks than before, or when that should have been so.
    pub(crate) async fn settled(before: Self) -> Self {
        let end = Instant::now() + GRACE;
        while Self::now().tasks > before.tasks && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self::now()
    }

    /// No task more than `before` all of it, and hardly more memory than when it was `warm`.
    #[track_caller]
    pub(crate) fn assert_nothing_is_left(self, before: Self, warm: Self) {
        assert!(
            self.tasks <= before.tasks,
            "{} tasks are left that were not there before",
            self.tasks - before.tasks
        );
        assert!(
            self.memory <= warm.memory + GROWTH,
            "memory grew from {warm} to {self} in one run"
        );
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB with {} tasks", self.memory / 1024, self.tasks)
    }
}

/// The second number is the resident pages (`proc_pid_statm(5)`). Elsewhere nobody is asked.
fn resident() -> usize {
    const PAGE: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * PAGE
}
