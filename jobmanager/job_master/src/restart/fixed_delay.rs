//! Restarts a number of times, always after the same delay.

use std::fmt;
use std::time::Duration;

use sciurus_core::time::Timestamp;

use super::{RestartStrategy, millis};

/// Says how a job is restarted a number of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedDelaySettings {
    /// How many restarts there may be.
    pub attempts: u32,
    /// How long to wait before each.
    pub delay: Duration,
}

/// Restarts a number of times over the whole life of the job.
#[derive(Clone, Debug)]
pub struct FixedDelay {
    settings: FixedDelaySettings,
    failures: u32,
}

impl FixedDelay {
    /// Starts without a failure.
    pub const fn new(settings: FixedDelaySettings) -> Self {
        Self { settings, failures: 0 }
    }
}

impl RestartStrategy for FixedDelay {
    fn notify_failure(&mut self, _now: Timestamp) -> bool {
        self.failures = self.failures.saturating_add(1);
        true
    }

    fn can_restart(&self, _now: Timestamp) -> bool {
        self.failures <= self.settings.attempts
    }

    fn backoff(&self, _now: Timestamp) -> Duration {
        self.settings.delay
    }
}

impl fmt::Display for FixedDelay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts={}, backoffTimeMS={})",
            self.settings.attempts,
            millis(self.settings.delay)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_restarts_as_often_as_it_is_told() {
        let settings = FixedDelaySettings { attempts: 2, delay: Duration::from_secs(1) };
        let mut strategy = FixedDelay::new(settings);
        for failure in 1..=4 {
            assert!(strategy.notify_failure(0));
            assert_eq!(strategy.can_restart(0), failure <= 2);
            assert_eq!(strategy.backoff(0), Duration::from_secs(1));
        }
        assert_eq!(
            strategy.to_string(),
            "FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts=2, backoffTimeMS=1000)"
        );
    }

    #[test]
    fn no_attempts_mean_no_restart() {
        let mut strategy =
            FixedDelay::new(FixedDelaySettings { attempts: 0, delay: Duration::ZERO });
        strategy.notify_failure(0);
        assert!(!strategy.can_restart(0));
    }
}
