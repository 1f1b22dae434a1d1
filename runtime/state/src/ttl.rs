//! Time to live: state that goes away when it isn't used.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::clock::Clock;
use sciurus_core::time::Timestamp;

/// Which accesses renew a value's time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TtlUpdateType {
    /// Nothing expires.
    Disabled,
    /// Writing renews it.
    #[default]
    OnCreateAndWrite,
    /// Writing and reading renew it.
    OnReadAndWrite,
}

/// Whether a value that has expired can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TtlVisibility {
    /// Never.
    #[default]
    NeverReturnExpired,
    /// As long as it wasn't cleaned up.
    ReturnExpiredIfNotCleanedUp,
}

/// Entries that a clean-up looks at for each access to a key: Flink's default.
const CLEANUP_ENTRIES: u32 = 5;

/// Flink's `StateTtlConfig`: how long the values of a state live, by processing time.
///
/// Elements of a list and entries of a map live each for itself. Expired values are removed when
/// they are met, and a few entries at a time while other keys are processed, so that those of keys
/// that never come back go too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateTtlConfig {
    time_to_live: Duration,
    update_type: TtlUpdateType,
    visibility: TtlVisibility,
    cleanup_entries: u32,
}

impl StateTtlConfig {
    /// Lets values expire when they haven't been written for `time_to_live` (whole milliseconds).
    pub fn new(time_to_live: Duration) -> Self {
        Self {
            time_to_live,
            update_type: TtlUpdateType::default(),
            visibility: TtlVisibility::default(),
            cleanup_entries: CLEANUP_ENTRIES,
        }
    }

    /// Sets which accesses renew the time to live.
    #[must_use]
    pub fn update_type(mut self, update_type: TtlUpdateType) -> Self {
        self.update_type = update_type;
        self
    }

    /// Sets whether expired values can be read.
    #[must_use]
    pub fn visibility(mut self, visibility: TtlVisibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Sets how many entries an access to a key, or a row of a batch, cleans up besides; 0 for
    /// none.
    #[must_use]
    pub fn cleanup_incrementally(mut self, entries: u32) -> Self {
        self.cleanup_entries = entries;
        self
    }

    /// Returns whether nothing expires.
    pub(crate) fn is_disabled(&self) -> bool {
        self.update_type == TtlUpdateType::Disabled
    }

    pub(crate) fn cleanup_entries(&self) -> u32 {
        if self.is_disabled() { 0 } else { self.cleanup_entries }
    }
}

/// The time to live of one store's values, with the clock it goes by.
#[derive(Debug, Clone)]
pub(crate) struct Ttl {
    clock: Arc<dyn Clock>,
    millis: i64,
    /// Reading renews the time to live.
    pub(crate) renew_on_read: bool,
    /// Expired values can be read.
    pub(crate) show_expired: bool,
}

impl Ttl {
    /// Returns `None` where nothing expires.
    pub(crate) fn new(config: Option<&StateTtlConfig>, clock: &Arc<dyn Clock>) -> Option<Self> {
        config.filter(|config| !config.is_disabled()).map(|config| Self {
            clock: clock.clone(),
            millis: i64::try_from(config.time_to_live.as_millis()).unwrap_or(i64::MAX),
            renew_on_read: config.update_type == TtlUpdateType::OnReadAndWrite,
            show_expired: config.visibility == TtlVisibility::ReturnExpiredIfNotCleanedUp,
        })
    }

    /// Returns how many milliseconds values live.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn millis(&self) -> i64 {
        self.millis
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns whether a value last renewed at `stamp` has expired at `now`.
    pub(crate) fn expired(&self, stamp: Timestamp, now: Timestamp) -> bool {
        stamp.saturating_add(self.millis) <= now
    }

    /// Returns whether a value last renewed at `stamp` is not to be read at `now`.
    pub(crate) fn hidden(&self, stamp: Timestamp, now: Timestamp) -> bool {
        !self.show_expired && self.expired(stamp, now)
    }
}
