//! Timers: points in time at which a key wants to be called back.

mod key;
mod queue;

use sciurus_core::key::hash_key;
use sciurus_core::time::Timestamp;

pub use key::TimerKey;
pub(crate) use queue::{TimerQueue, TimerQueueSnapshot};

use crate::namespace::Namespace;

/// Which time a timer goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeDomain {
    /// Event time: due when the watermark reaches it.
    Event,
    /// Processing time: due when the clock reaches it.
    Processing,
}

/// A timer that is due. There is one at most for the same time, key and namespace.
///
/// Ordered by time, then by key bytes, then by namespace: the order in which timers are due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When it was to be due, in milliseconds since the Unix epoch.
    pub timestamp: Timestamp,
    /// Whose it is.
    pub key: TimerKey,
    /// In which namespace it was registered.
    pub namespace: Namespace,
}

impl Timer {
    /// Returns the hash of the key.
    pub fn hash(&self) -> u64 {
        hash_key(&self.key)
    }
}
