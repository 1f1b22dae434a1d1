//! Where a test ends the process: before every step that changes storage.

/// Marks a step that changes storage.
#[inline]
pub(crate) fn crash_point(_step: &'static str) {}
