//! Restarts as long as failures are rare enough.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use sciurus_core::time::Timestamp;

use super::{RestartStrategy, millis};

/// Says how rare failures have to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRateSettings {
    /// How many failures within an interval are tolerated; above 0.
    pub max_failures_per_interval: u32,
    /// The length of the interval; above 0.
    pub interval: Duration,
    /// How long to wait before each restart.
    pub delay: Duration,
}

/// Restarts unless there were too many failures within an interval.
#[derive(Clone, Debug)]
pub struct FailureRate {
    settings: FailureRateSettings,
    /// The latest failures: one more than are tolerated, at the most.
    failures: VecDeque<Timestamp>,
}

impl FailureRate {
    /// Starts without a failure.
    pub const fn new(settings: FailureRateSettings) -> Self {
        Self { settings, failures: VecDeque::new() }
    }

    fn is_full(&self) -> bool {
        self.failures.len() > self.settings.max_failures_per_interval as usize
    }
}

impl RestartStrategy for FailureRate {
    fn notify_failure(&mut self, now: Timestamp) -> bool {
        if self.is_full() {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        true
    }

    fn can_restart(&self, now: Timestamp) -> bool {
        match self.failures.front() {
            Some(earliest) if self.is_full() => {
                now.saturating_sub(*earliest) > millis(self.settings.interval)
            }
            _ => true,
        }
    }

    fn backoff(&self, _now: Timestamp) -> Duration {
        self.settings.delay
    }
}

impl fmt::Display for FailureRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "FailureRateRestartBackoffTimeStrategy(failuresIntervalMS={},backoffTimeMS={},\
             maxFailuresPerInterval={})",
            millis(self.settings.interval),
            millis(self.settings.delay),
            self.settings.max_failures_per_interval
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(max_failures_per_interval: u32) -> FailureRate {
        FailureRate::new(FailureRateSettings {
            max_failures_per_interval,
            interval: Duration::from_millis(100),
            delay: Duration::from_millis(5),
        })
    }

    fn survives(strategy: &mut FailureRate, now: Timestamp) -> bool {
        assert!(strategy.notify_failure(now));
        strategy.can_restart(now)
    }

    #[test]
    fn failures_within_the_rate_are_survived() {
        let mut strategy = strategy(2);
        for now in [0, 10, 101, 111, 202, 212, 303] {
            assert!(survives(&mut strategy, now), "at {now}");
        }
        assert_eq!(strategy.backoff(0), Duration::from_millis(5));
    }

    #[test]
    fn one_too_many_within_the_interval_ends_the_job() {
        let mut strategy = strategy(2);
        assert!(survives(&mut strategy, 0));
        assert!(survives(&mut strategy, 50));
        assert!(!survives(&mut strategy, 100), "the interval includes its end");
        assert!(survives(&mut strategy, 151));
    }
}
