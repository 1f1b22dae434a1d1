//! Event time for text, which has none.

use std::sync::atomic::{AtomicI64, Ordering};

/// How many lines a source reads in a second of event time: with two sources about 100 000
/// words a second from both.
const LINES_PER_SECOND: i64 = 10_000;

/// Tells the event time of a source by the lines it has read.
#[derive(Debug, Default)]
pub struct LineClock(AtomicI64);

impl LineClock {
    /// Counts a line and returns its time, milliseconds.
    pub fn tick(&self) -> i64 {
        // Nobody else counts: no need to lock.
        let lines = self.0.load(Ordering::Relaxed);
        self.0.store(lines + 1, Ordering::Relaxed);
        lines * 1000 / LINES_PER_SECOND
    }
}

impl Clone for LineClock {
    /// Every source has a clock of its own.
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_tells_its_own_time() {
        let clock = LineClock::default();
        let last = (0..=LINES_PER_SECOND).map(|_| clock.tick()).last();
        assert_eq!((last, clock.clone().tick()), (Some(1000), 0));
    }
}
