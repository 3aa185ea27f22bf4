//! How long something took.

use std::time::Instant;

use super::{LAYER_DURATION, is_on};

/// Runs from when it was made, if anybody wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Timer(Option<Instant>);

impl Timer {
    /// Starts now.
    pub fn start() -> Self {
        Self(is_on().then(Instant::now))
    }

    /// Seconds since the start, if it runs.
    pub(super) fn took(self) -> Option<f64> {
        self.0.map(|start| start.elapsed().as_secs_f64())
    }

    /// A layer of that name is done with its part of a request.
    pub(crate) fn layer(self, name: &'static str) {
        if let Some(took) = self.took() {
            ::metrics::histogram!(LAYER_DURATION, "layer" => name).record(took);
        }
    }
}
