//! Windows: finite groups of a key's records.
//!
//! An [`assigner`] says which [`window`]s a record belongs to, a [`trigger`] when a window fires.

pub mod assigner;
pub mod slicing;
pub mod trigger;
pub mod window;

use std::time::Duration;

/// Returns a duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
