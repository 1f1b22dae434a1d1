//! Slowing a process's sources down where memory runs short.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long sources wait that may not read at all until they look again.
const STOPPED_LOOK: Duration = Duration::from_millis(50);

/// The pause, in microseconds, that says that sources don't read at all.
const STOPPED: u32 = u32::MAX;

/// What the sources of a process look at between two polls: whether they pause, and for how long.
///
/// Looking is one load of a number that hardly ever changes.
#[derive(Debug, Default)]
pub struct SourceThrottle {
    /// Microseconds; 0 for none.
    pause: AtomicU32,
}

/// How sources read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as they can.
    Free,
    /// With such a pause before each poll.
    Paused(Duration),
    /// Not at all.
    Stopped,
}

impl SourceThrottle {
    /// Says how sources read from now on. A pause is at most an hour.
    pub fn set(&self, pace: Pace) {
        let pause = match pace {
            Pace::Free => 0,
            Pace::Paused(pause) => {
                pause.min(Duration::from_secs(3600)).as_micros().clamp(1, u128::from(STOPPED) - 1)
                    as u32
            }
            Pace::Stopped => STOPPED,
        };
        self.pause.store(pause, Ordering::Relaxed);
    }

    /// Returns how sources read.
    pub fn pace(&self) -> Pace {
        match self.pause.load(Ordering::Relaxed) {
            0 => Pace::Free,
            STOPPED => Pace::Stopped,
            pause => Pace::Paused(Duration::from_micros(pause.into())),
        }
    }
}

/// The pauses of one source.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// When the pause is over that is going on.
    until: Option<Instant>,
}

impl Pauses {
    /// Returns how long to wait before the next look; `None` where it is time to poll, which begins
    /// a new pause.
    #[inline]
    pub(super) fn left(&mut self, pace: Pace) -> Option<Duration> {
        if pace == Pace::Free {
            self.until = None;
            return None;
        }
        self.left_at(pace, Instant::now())
    }

    #[cold]
    fn left_at(&mut self, pace: Pace, now: Instant) -> Option<Duration> {
        let pause = match pace {
            Pace::Free => Duration::ZERO,
            Pace::Paused(pause) => pause,
            Pace::Stopped => {
                self.until = None;
                return Some(STOPPED_LOOK);
            }
        };
        let until = *self.until.get_or_insert(now + pause);
        // The pause may have been shortened since it began.
        let left = until.saturating_duration_since(now).min(pause);
        if left.is_zero() {
            self.until = None;
            return None;
        }
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_set_is_what_sources_see() {
        let throttle = SourceThrottle::default();
        for pace in [Pace::Stopped, Pace::Paused(3 * MS), Pace::Free] {
            throttle.set(pace);
            assert_eq!(throttle.pace(), pace);
        }
        throttle.set(Pace::Paused(Duration::MAX));
        assert_eq!(throttle.pace(), Pace::Paused(Duration::from_secs(3600)));
    }

    #[test]
    fn there_is_one_poll_after_each_pause() {
        let start = Instant::now();
        let mut pauses = Pauses::default();
        let pace = Pace::Paused(10 * MS);
        assert_eq!(pauses.left_at(pace, start), Some(10 * MS));
        assert_eq!(pauses.left_at(pace, start + 4 * MS), Some(6 * MS));
        assert_eq!(pauses.left_at(pace, start + 10 * MS), None);
        assert_eq!(pauses.left_at(pace, start + 11 * MS), Some(10 * MS));
    }

    #[test]
    fn a_pause_that_is_shortened_ends_sooner() {
        let start = Instant::now();
        let mut pauses = Pauses::default();
        assert_eq!(pauses.left_at(Pace::Paused(100 * MS), start), Some(100 * MS));
        assert_eq!(pauses.left_at(Pace::Paused(5 * MS), start + MS), Some(5 * MS));
        assert_eq!(pauses.left(Pace::Free), None);
    }

    #[test]
    fn where_sources_are_stopped_there_is_no_poll() {
        let start = Instant::now();
        let mut pauses = Pauses::default();
        for later in 0..100 {
            assert_eq!(pauses.left_at(Pace::Stopped, start + later * MS), Some(STOPPED_LOOK));
        }
    }
}
