//! Never restarts.

use std::fmt;
use std::time::Duration;

use sciurus_core::time::Timestamp;

use super::RestartStrategy;

/// Lets the first failure end the job.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRestart;

impl RestartStrategy for NoRestart {
    fn notify_failure(&mut self, _now: Timestamp) -> bool {
        true
    }

    fn can_restart(&self, _now: Timestamp) -> bool {
        false
    }

    fn backoff(&self, _now: Timestamp) -> Duration {
        Duration::ZERO
    }
}

impl fmt::Display for NoRestart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NoRestartBackoffTimeStrategy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_the_last() {
        let mut strategy = NoRestart;
        assert!(strategy.notify_failure(0));
        assert!(!strategy.can_restart(0));
    }
}
