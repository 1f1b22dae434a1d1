//! Where a test ends the process: before every step that changes storage.

/// Marks a step that changes storage. In this crate's own tests the process ends here when it is
/// told to (`tests/crash.rs`); otherwise it does nothing.
#[cfg(not(test))]
#[inline]
pub(crate) fn crash_point(_step: &'static str) {}

#[cfg(test)]
pub(crate) use crate::tests::crash::reach as crash_point;
