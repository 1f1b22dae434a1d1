//! How a task's time was spent lately.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sciurus_engine::metrics::TimesSnapshot;

/// How far a rate reaches back, unless nobody has looked for longer.
const WINDOW: Duration = Duration::from_secs(5);

/// How far apart the looks are that are remembered.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Remembers what was seen at earlier looks. Nothing runs between them, so that rates cost the task
/// nothing and many may look.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// The oldest look is the last one before the window, or the first one in it.
    looks: VecDeque<(Instant, TimesSnapshot)>,
}

/// Shares of a task's time, in milliseconds a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Shares {
    pub(super) busy: f64,
    pub(super) idle: f64,
    pub(super) soft_back_pressured: f64,
    pub(super) hard_back_pressured: f64,
}

impl Rates {
    /// Returns how the time since the window's begin was spent.
    pub(super) fn look(&mut self, now: Instant, seen: TimesSnapshot) -> Shares {
        while self.looks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.looks.pop_front();
        }
        // Before the first look nothing was spent.
        let before = self.looks.front().map_or_else(TimesSnapshot::default, |(_, seen)| *seen);
        let is_time = |(at, _): &(Instant, _)| now.duration_since(*at) >= BETWEEN_LOOKS;
        if self.looks.back().is_none_or(is_time) {
            self.looks.push_back((now, seen));
        }
        let total = seen.total.saturating_sub(before.total).as_secs_f64();
        let share = |after: Duration, before: Duration| match total {
            0.0 => 0.0,
            total => (after.saturating_sub(before).as_secs_f64() / total).min(1.0) * 1_000.0,
        };
        Shares {
            busy: share(seen.busy(), before.busy()),
            idle: share(seen.idle, before.idle),
            soft_back_pressured: share(seen.soft_back_pressured, before.soft_back_pressured),
            hard_back_pressured: share(seen.hard_back_pressured, before.hard_back_pressured),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(total: u64, idle: u64, hard: u64) -> TimesSnapshot {
        TimesSnapshot {
            total: Duration::from_secs(total),
            idle: Duration::from_secs(idle),
            soft_back_pressured: Duration::ZERO,
            hard_back_pressured: Duration::from_secs(hard),
        }
    }

    fn look(rates: &mut Rates, start: Instant, seen: TimesSnapshot) -> (f64, f64, f64) {
        let shares = rates.look(start + seen.total, seen);
        assert!(shares.soft_back_pressured == 0.0);
        (shares.busy, shares.idle, shares.hard_back_pressured)
    }

    #[test]
    fn the_first_look_sees_all_since_the_start() {
        let mut rates = Rates::default();
        assert_eq!(look(&mut rates, Instant::now(), spent(10, 5, 1)), (400.0, 500.0, 100.0));
    }

    #[test]
    fn the_rate_reaches_back_to_the_window_or_the_last_look() {
        let start = Instant::now();
        let mut rates = Rates::default();
        look(&mut rates, start, spent(10, 10, 0));
        // Nobody looked for long.
        assert_eq!(look(&mut rates, start, spent(30, 10, 10)), (500.0, 0.0, 500.0));
        // Somebody looks all the time.
        for second in 31..40 {
            look(&mut rates, start, spent(second, 10 + second - 30, 10));
        }
        assert_eq!(look(&mut rates, start, spent(40, 20, 10)), (0.0, 1_000.0, 0.0));
        assert!(rates.looks.len() < 10);
    }

    #[test]
    fn a_task_that_has_ended_or_not_begun_spends_nothing() {
        let start = Instant::now();
        let mut rates = Rates::default();
        assert_eq!(rates.look(start, TimesSnapshot::default()), Shares::default());
        rates.look(start + Duration::from_secs(1), spent(1, 0, 0));
        let shares = rates.look(start + Duration::from_secs(20), spent(1, 0, 0));
        assert_eq!(shares, Shares::default());
    }
}
