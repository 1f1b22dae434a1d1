//! Which seeds a simulation runs.

use std::ops::Range;

/// How many seeds are run where nobody says otherwise.
pub const SEEDS: u64 = 2_000;

/// Returns the seeds that the environment asks for: `SCIURUS_SEED` that one, `SCIURUS_SEEDS` so many.
pub fn seeds() -> Range<u64> {
    match number("SCIURUS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCIURUS_SEEDS").unwrap_or(SEEDS),
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Names the seed of a run that panics.
pub struct Named(pub u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the run with SCIURUS_SEED={} failed", self.0);
        }
    }
}
