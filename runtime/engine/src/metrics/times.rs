//! What a task's time goes to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Measures the time that a task waits; the rest of it the task is busy. Nothing is measured while
/// it works.
#[derive(Debug)]
pub struct TaskTimes {
    made: Instant,
    /// Both as [`TaskTimes::now`], 0 where it hasn't happened.
    started: AtomicU64,
    ended: AtomicU64,
    waits: [WaitTime; 3],
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Input.
    Idle,
    /// Room behind it, before it takes more input (`softBackPressuredTimeMsPerSecond`).
    SoftBackPressured,
    /// Room behind it, in the midst of what it emits (`hardBackPressuredTimeMsPerSecond`).
    HardBackPressured,
}

#[derive(Debug, Default)]
struct WaitTime {
    /// The nanoseconds of the waits that are over.
    total: AtomicU64,
    /// Since when a wait is going on, as [`TaskTimes::now`]; 0 where none is.
    since: AtomicU64,
}

/// The times of a task up to a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimesSnapshot {
    /// Since it began to run, up to its end.
    pub total: Duration,
    /// Waiting for input.
    pub idle: Duration,
    /// Waiting for room before taking more input.
    pub soft_back_pressured: Duration,
    /// Waiting for room in the midst of emitting.
    pub hard_back_pressured: Duration,
}

impl TimesSnapshot {
    /// Returns the time in which the task waited for nothing.
    pub fn busy(&self) -> Duration {
        self.total.saturating_sub(self.idle).saturating_sub(self.back_pressured())
    }

    /// Returns the time in which the task waited for room.
    pub fn back_pressured(&self) -> Duration {
        self.soft_back_pressured + self.hard_back_pressured
    }
}

impl Default for TaskTimes {
    fn default() -> Self {
        Self {
            made: Instant::now(),
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            waits: Default::default(),
        }
    }
}

impl TaskTimes {
    /// Notes that the task begins to run.
    pub fn start(&self) {
        self.started.store(self.now(), Ordering::Relaxed);
    }

    /// Notes that the task has ended.
    pub fn end(&self) {
        self.ended.store(self.now(), Ordering::Relaxed);
    }

    /// Counts the time of `wait` as spent waiting.
    pub fn during<R>(&self, reason: Wait, wait: impl FnOnce() -> R) -> R {
        let WaitTime { total, since } = &self.waits[reason as usize];
        let start = self.now();
        since.store(start, Ordering::Relaxed);
        let result = wait();
        since.store(0, Ordering::Relaxed);
        total.fetch_add(self.now() - start, Ordering::Relaxed);
        result
    }

    /// Returns the times so far.
    pub fn snapshot(&self) -> TimesSnapshot {
        let now = match self.ended.load(Ordering::Relaxed) {
            0 => self.now(),
            ended => ended,
        };
        let waited = |reason: Wait| {
            let WaitTime { total, since } = &self.waits[reason as usize];
            let going_on = match since.load(Ordering::Relaxed) {
                0 => 0,
                since => now.saturating_sub(since),
            };
            Duration::from_nanos(total.load(Ordering::Relaxed) + going_on)
        };
        let total = match self.started.load(Ordering::Relaxed) {
            0 => 0,
            started => now.saturating_sub(started),
        };
        TimesSnapshot {
            total: Duration::from_nanos(total),
            idle: waited(Wait::Idle),
            soft_back_pressured: waited(Wait::SoftBackPressured),
            hard_back_pressured: waited(Wait::HardBackPressured),
        }
    }

    /// Nanoseconds since the clock was made, and one, so that 0 is free to mean never.
    fn now(&self) -> u64 {
        self.made.elapsed().as_nanos() as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_is_not_waited_is_busy() {
        let times = TaskTimes::default();
        assert_eq!(times.snapshot(), TimesSnapshot::default());
        times.start();
        let pause = Duration::from_millis(5);
        times.during(Wait::Idle, || std::thread::sleep(pause));
        times.during(Wait::HardBackPressured, || std::thread::sleep(2 * pause));
        let seen = times.snapshot();
        assert!(seen.idle >= pause && seen.hard_back_pressured >= 2 * pause);
        assert_eq!(seen.soft_back_pressured, Duration::ZERO);
        assert_eq!(seen.busy() + seen.idle + seen.back_pressured(), seen.total);
    }

    #[test]
    fn a_wait_counts_while_it_goes_on() {
        let times = TaskTimes::default();
        times.start();
        let seen = times.during(Wait::SoftBackPressured, || {
            std::thread::sleep(Duration::from_millis(5));
            times.snapshot()
        });
        assert!(seen.soft_back_pressured >= Duration::from_millis(5));
        assert!(seen.busy() < seen.total);
    }

    #[test]
    fn nothing_counts_after_the_end() {
        let times = TaskTimes::default();
        times.start();
        times.end();
        let at_end = times.snapshot();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(times.snapshot(), at_end);
    }
}
