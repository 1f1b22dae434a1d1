//! When a part file is closed and the next one begins.

use std::time::Duration;

use sciurus_core::time::Timestamp;

/// Closes a file that is large, or old, or was not written to for some time. The defaults are
/// Flink's: 128 MiB, a minute, a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingPolicy {
    pub(super) max_part_bytes: u64,
    rollover_millis: Timestamp,
    inactivity_millis: Timestamp,
}

impl Default for RollingPolicy {
    fn default() -> Self {
        Self { max_part_bytes: 128 << 20, rollover_millis: 60_000, inactivity_millis: 60_000 }
    }
}

fn millis(interval: Duration) -> Timestamp {
    Timestamp::try_from(interval.as_millis()).unwrap_or(Timestamp::MAX)
}

impl RollingPolicy {
    /// Never closes a file before the end of the input or the next checkpoint.
    pub fn never() -> Self {
        Self {
            max_part_bytes: u64::MAX,
            rollover_millis: Timestamp::MAX,
            inactivity_millis: Timestamp::MAX,
        }
    }

    /// Sets how large a file becomes.
    #[must_use]
    pub fn max_part_bytes(mut self, bytes: u64) -> Self {
        self.max_part_bytes = bytes;
        self
    }

    /// Sets how long a file is open.
    #[must_use]
    pub fn rollover_interval(mut self, interval: Duration) -> Self {
        self.rollover_millis = millis(interval);
        self
    }

    /// Sets how long a file stays open without being written to.
    #[must_use]
    pub fn inactivity_interval(mut self, interval: Duration) -> Self {
        self.inactivity_millis = millis(interval);
        self
    }

    /// Returns when a file that was made and last written to at these times is to be closed.
    pub(super) fn due(self, created: Timestamp, written: Timestamp) -> Timestamp {
        let old = created.saturating_add(self.rollover_millis);
        old.min(written.saturating_add(self.inactivity_millis))
    }
}
