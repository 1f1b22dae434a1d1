//! Windows: finite groups of a key's records, and what is computed of them.
//!
//! An [`assigner`] says which [`window`]s a record belongs to, a [`trigger`] when a window fires,
//! [`contents`] what is kept of its records and [`output`] what goes out.
//!
//! Two operators do the work. [`sliced`] is for windows that are the same for all keys: it keeps
//! one table of accumulators a slice of time and touches neither windows nor timers record by
//! record. [`general`] is for all others.

pub mod all;
pub mod assigner;
pub mod contents;
pub mod general;
mod late;
pub mod output;
pub mod sliced;
pub mod slicing;
pub mod trigger;
pub mod window;

use std::time::Duration;

/// Returns a duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
