//! How many large bodies may be on their way at a time, so that nobody fills the memory with
//! requests that never end.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::identity::Caller;
use crate::{Identity, Rejection};

/// Most bytes of a body that arrives without a place. Connections are counted elsewhere.
pub(super) const SMALL: usize = 64 * 1024;

/// Most places there are, of [`MAX_BODY`](super::peek::MAX_BODY) bytes each.
const MOST: usize = 64;
/// Most places of one caller, so that it does not take them from all others.
const MOST_OF_ONE: usize = MOST / 4;

/// A client sends a large body within seconds, or never.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Memory belongs to the process, and so does this count, whatever servers are in it.
static TAKEN: LazyLock<Mutex<Taken>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Taken {
    all: usize,
    callers: HashMap<Caller, usize>,
}

/// Given back when the body is there, or nobody waits for it any more.
pub(super) struct Place(Caller);

/// A place for a large body of this caller.
///
/// # Errors
/// [`Rejection::unavailable`]: it has too many on their way, or all callers together have.
pub(super) fn place(caller: &Arc<Identity>) -> Result<Place, Rejection> {
    let caller = Caller::of(caller);
    let mut taken = taken();
    let of_one = taken.callers.get(&caller).copied().unwrap_or_default();
    if of_one >= MOST_OF_ONE || taken.all >= MOST {
        let reason = format!("{of_one} large bodies of this caller are on their way");
        return Err(Rejection::unavailable(RETRY_AFTER, reason));
    }
    taken.all += 1;
    taken.callers.insert(caller.clone(), of_one + 1);
    Ok(Place(caller))
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = taken();
        taken.all = taken.all.saturating_sub(1);
        let left = taken.callers.get(&self.0).map_or(0, |of_one| of_one.saturating_sub(1));
        if left == 0 {
            taken.callers.remove(&self.0);
        } else {
            taken.callers.insert(self.0.clone(), left);
        }
    }
}

/// A panic elsewhere leaves the counts whole.
fn taken() -> MutexGuard<'static, Taken> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_a_quarter_and_gets_it_back() {
        let [bob, alice] =
            ["bob", "alice"].map(|user| Arc::new(Identity::new("apikey", "bodies", user)));
        let mut places: Vec<_> = (0..MOST_OF_ONE).map(|_| place(&bob).unwrap()).collect();
        assert_eq!(place(&bob).err().unwrap().status(), 503);
        assert!(place(&alice).is_ok());
        places.pop();
        places.push(place(&bob).unwrap());
        drop(places);
        assert!(taken().callers.is_empty());
    }
}
