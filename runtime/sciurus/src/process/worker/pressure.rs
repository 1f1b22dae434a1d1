//! How sources are slowed down where memory runs short.

use std::time::{Duration, Instant};

use sciurus_engine::task::Pace;

/// The share of what a process may take from which on its sources pause.
pub(super) const PAUSES_FROM: f64 = 0.85;

/// The share from which on its sources don't read at all.
const STOPS_FROM: f64 = 0.95;

/// The first and the last pause before sources stop: from hardly felt to twenty batches a second.
const PAUSES_MS: [f64; 2] = [0.5, 50.0];

/// How often the memory is looked at: where it grows fast, more often.
const LOOKS: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(100)];

/// How many looks there are at least on the way to the limit.
const LOOKS_ON_THE_WAY: f64 = 8.0;

/// Decides how sources read by how much memory the process takes.
#[derive(Debug)]
pub(super) struct Pressure {
    limit_bytes: u64,
    /// How long sources may be stopped in vain.
    timeout: Duration,
    stopped_since: Option<Instant>,
    last: Option<(Instant, u64)>,
}

/// What follows from how much memory is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    pub(super) pace: Pace,
    /// Whether sources have been stopped for so long that the tasks have to end.
    pub(super) is_exceeded: bool,
    /// How long until the next look.
    pub(super) next_look: Duration,
}

impl Pressure {
    pub(super) fn new(limit_bytes: u64, timeout: Duration) -> Self {
        Self { limit_bytes, timeout, stopped_since: None, last: None }
    }

    /// Decides by what the process takes now.
    pub(super) fn observe(&mut self, used_bytes: u64, now: Instant) -> Verdict {
        let next_look = self.next_look(used_bytes, now);
        let share = used_bytes as f64 / self.limit_bytes as f64;
        if share < STOPS_FROM {
            self.stopped_since = None;
            return Verdict { pace: pace_at(share), is_exceeded: false, next_look };
        }
        let since = *self.stopped_since.get_or_insert(now);
        let is_exceeded = now.saturating_duration_since(since) >= self.timeout;
        if is_exceeded {
            // Those who run next have their time, too.
            self.stopped_since = None;
        }
        Verdict { pace: Pace::Stopped, is_exceeded, next_look }
    }

    /// Looks again in good time before the limit is reached, if the memory goes on growing so fast.
    fn next_look(&mut self, used_bytes: u64, now: Instant) -> Duration {
        let [soonest, latest] = LOOKS;
        let Some((before, used_before)) = self.last.replace((now, used_bytes)) else {
            return soonest;
        };
        let grown = used_bytes.saturating_sub(used_before) as f64;
        let seconds = now.saturating_duration_since(before).as_secs_f64();
        let left = self.limit_bytes.saturating_sub(used_bytes) as f64;
        let seconds_left = seconds * left / grown.max(1.0);
        let look = (seconds_left / LOOKS_ON_THE_WAY).min(latest.as_secs_f64());
        Duration::from_secs_f64(look).max(soonest)
    }
}

/// Grows the pause evenly in its order of magnitude.
fn pace_at(share: f64) -> Pace {
    if share < PAUSES_FROM {
        return Pace::Free;
    }
    let [first, last] = PAUSES_MS;
    let way = ((share - PAUSES_FROM) / (STOPS_FROM - PAUSES_FROM)).clamp(0.0, 1.0);
    Pace::Paused(Duration::from_secs_f64(first * (last / first).powf(way) / 1e3))
}

/// Returns how much sources are slowed down: from 0, not at all, to 1, where they don't read.
pub(super) fn level(pace: Pace) -> f64 {
    match pace {
        Pace::Free => 0.0,
        Pace::Paused(pause) => {
            let [first, last] = PAUSES_MS;
            let orders = (pause.as_secs_f64() * 1e3 / first).max(1.0).ln() / (last / first).ln();
            (0.01 + 0.98 * orders).min(0.99)
        }
        Pace::Stopped => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pressure() -> Pressure {
        Pressure::new(1000, 30 * SECOND)
    }

    #[test]
    fn pauses_grow_with_the_memory_that_is_taken() {
        let mut pressure = pressure();
        let now = Instant::now();
        let mut pace = |used| pressure.observe(used, now).pace;
        assert_eq!(pace(0), Pace::Free);
        assert_eq!(pace(849), Pace::Free);
        let mut before = Duration::ZERO;
        for used in (850..950).step_by(10) {
            let Pace::Paused(pause) = pace(used) else { panic!("{used}") };
            assert!(pause > before && pause <= Duration::from_millis(50), "{used}: {pause:?}");
            before = pause;
        }
        assert_eq!(pace(950), Pace::Stopped);
        assert_eq!(pace(5000), Pace::Stopped);
    }

    #[test]
    fn it_is_too_much_where_stopping_does_not_help_in_time() {
        let mut pressure = pressure();
        let start = Instant::now();
        assert!(!pressure.observe(960, start).is_exceeded);
        assert!(!pressure.observe(990, start + 29 * SECOND).is_exceeded);
        assert!(pressure.observe(990, start + 30 * SECOND).is_exceeded);
        // What runs next has its time.
        assert!(!pressure.observe(990, start + 31 * SECOND).is_exceeded);
        assert!(pressure.observe(990, start + 61 * SECOND).is_exceeded);
    }

    #[test]
    fn fast_growth_is_looked_at_more_often() {
        let mut pressure = Pressure::new(1 << 30, 30 * SECOND);
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut look = |used, at| pressure.observe(used, at).next_look;
        assert_eq!(look(0, ms(0)), LOOKS[0]);
        assert_eq!(look(0, ms(100)), LOOKS[1]);
        // Half of the way in 100 ms: there in another 100 ms.
        assert_eq!(look(1 << 29, ms(200)), Duration::from_micros(12_500));
        assert_eq!(look(1 << 30, ms(300)), LOOKS[0]);
        assert_eq!(look(1 << 20, ms(400)), LOOKS[1]);
    }

    #[test]
    fn relief_begins_the_time_anew() {
        let mut pressure = pressure();
        let start = Instant::now();
        assert!(!pressure.observe(960, start).is_exceeded);
        assert!(!pressure.observe(940, start + 20 * SECOND).is_exceeded);
        assert!(!pressure.observe(960, start + 40 * SECOND).is_exceeded);
    }

    #[test]
    fn the_level_tells_how_much_sources_are_slowed_down() {
        let mut before = -1.0;
        for pace in [Pace::Free, pace_at(0.85), pace_at(0.9), pace_at(0.949), Pace::Stopped] {
            assert!(level(pace) > before, "{pace:?}");
            before = level(pace);
        }
        assert!(level(Pace::Stopped) <= 1.0);
    }
}
