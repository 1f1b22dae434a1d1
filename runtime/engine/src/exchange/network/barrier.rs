//! A checkpoint's barrier as bytes, and back.
//!
//! The body of its frame is JSON, the form that [`CheckpointBarrier`] has by serde: there are few of
//! them, and what their fields mean is said once.

use sciurus_core::checkpoint::CheckpointBarrier;

/// Returns the body of a barrier's frame.
pub(super) fn to_bytes(barrier: &CheckpointBarrier) -> Vec<u8> {
    // Numbers, strings and enums: nothing that JSON can't say.
    serde_json::to_vec(barrier).unwrap_or_default()
}

/// Reads what [`to_bytes`] wrote.
pub(super) fn read(body: &[u8]) -> Option<CheckpointBarrier> {
    serde_json::from_slice(body).ok()
}
