//! Numbers that nobody counts because something that lives knows them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was found at one moment, by name and label. What several say about the same is added up,
/// or the least or most of it taken.
#[derive(Debug, Default)]
pub struct Gauges(BTreeMap<Series, f64>);

/// A label's name and its value, if there is one.
type Label = Option<(&'static str, &'static str)>;

type Series = (&'static str, Label);

/// Reads one source, if there are gauges to read it into. `false`: the source is gone.
type Reader = Box<dyn Fn(Option<&mut Gauges>) -> bool + Send>;

#[derive(Default)]
struct Sources {
    readers: Vec<Reader>,
    /// What was found last.
    shown: Vec<Series>,
}

static SOURCES: Mutex<Sources> = Mutex::new(Sources { readers: Vec::new(), shown: Vec::new() });

/// Lets [`sample()`] read `source` for as long as that lives. It is not kept alive by this.
pub fn watch<T: ?Sized + Send + Sync + 'static>(
    source: &Arc<T>,
    read: impl Fn(&T, &mut Gauges) + Send + 'static,
) {
    let source = Arc::downgrade(source);
    let reader = move |gauges: Option<&mut Gauges>| {
        let alive = source.upgrade();
        if let (Some(source), Some(gauges)) = (&alive, gauges) {
            read(source, gauges);
        }
        alive.is_some()
    };
    let mut sources = sources();
    // A program that makes and drops servers for ever would else keep something of each.
    if sources.readers.len().is_power_of_two() {
        sources.readers.retain(|reader| reader(None));
    }
    sources.readers.push(Box::new(reader));
}

/// Sets all gauges to what is so now. What is there no more becomes NaN, of which no alert is true.
pub fn sample() {
    let mut gauges = Gauges::default();
    let mut sources = sources();
    sources.readers.retain(|reader| reader(Some(&mut gauges)));
    let gone = std::mem::take(&mut sources.shown);
    sources.shown = gauges.0.keys().copied().collect();
    for series in gone {
        gauges.0.entry(series).or_insert(f64::NAN);
    }
    for ((name, label), value) in gauges.0 {
        match label {
            Some((key, word)) => ::metrics::gauge!(name, key => word).set(value),
            None => ::metrics::gauge!(name).set(value),
        }
    }
}

fn sources() -> MutexGuard<'static, Sources> {
    // A reader that panicked changed nothing in here.
    SOURCES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gauges {
    /// So many more.
    pub fn add(&mut self, name: &'static str, label: Label, value: f64) {
        *self.0.entry((name, label)).or_default() += value;
    }

    /// The least that anybody says.
    pub fn least(&mut self, name: &'static str, label: Label, value: f64) {
        self.join(name, label, value, f64::min);
    }

    /// The most that anybody says.
    pub fn most(&mut self, name: &'static str, label: Label, value: f64) {
        self.join(name, label, value, f64::max);
    }

    fn join(&mut self, name: &'static str, label: Label, value: f64, choose: fn(f64, f64) -> f64) {
        match self.0.entry((name, label)) {
            Entry::Vacant(none) => drop(none.insert(value)),
            Entry::Occupied(mut other) => drop(other.insert(choose(*other.get(), value))),
        }
    }
}
