//! How many files, and thus connections, the system lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a server has open beside its connections.
const OTHERS: u64 = 64;

/// Raises the limit so that there is room for `connections`, as far as this user may.
///
/// Many systems start programs with 1024, of which the cap on connections would then not be
/// the first to be felt: without a file left, no store and no certificate can be opened.
pub(crate) fn make_room(connections: u32) {
    let need = u64::from(connections) + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= need) {
        return;
    }
    let current = limit.maximum.map_or(need, |most| most.min(need));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit });
    if raised.is_err() || current < need {
        tracing::warn!(
            need,
            "this process may have fewer files open than --max-connections needs; allow it more \
             (ulimit -n), or lower --max-connections"
        );
    }
}
