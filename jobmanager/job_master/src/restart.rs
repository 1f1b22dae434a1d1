//! Whether and when a job is restarted after a failure.

mod configuration;
mod exponential_delay;
mod failure_rate;
mod fixed_delay;
mod no_restart;
mod settings;

use std::fmt;
use std::time::Duration;

use sciurus_core::time::Timestamp;

pub use exponential_delay::{ExponentialDelay, ExponentialDelaySettings};
pub use failure_rate::{FailureRate, FailureRateSettings};
pub use fixed_delay::{FixedDelay, FixedDelaySettings};
pub use no_restart::NoRestart;
pub use settings::{RestartSettingsError, RestartStrategySettings};

/// Decides about restarts: Flink's `RestartBackoffTimeStrategy`.
///
/// For each failure that a restart may help against, [`notify_failure`] is called first, then
/// [`can_restart`], then, if that allows it, [`backoff`], all with the same time. A strategy prints
/// as Flink's does, so that "Recovery is suppressed by …" reads alike.
///
/// [`notify_failure`]: RestartStrategy::notify_failure
/// [`can_restart`]: RestartStrategy::can_restart
/// [`backoff`]: RestartStrategy::backoff
pub trait RestartStrategy: fmt::Debug + fmt::Display + Send {
    /// Takes note of a failure; says whether it counts as one of its own, as opposed to one that
    /// is merged with the failure before.
    fn notify_failure(&mut self, now: Timestamp) -> bool;

    /// Says whether the job may be restarted after the failure noted last.
    fn can_restart(&self, now: Timestamp) -> bool;

    /// Returns how long to wait before the restart.
    fn backoff(&self, now: Timestamp) -> Duration;
}

/// Returns a duration in whole milliseconds, as Flink computes with them.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Returns the duration of so many milliseconds, none if negative.
fn from_millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
