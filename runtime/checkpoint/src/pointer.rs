//! Where a complete checkpoint lies.

use std::sync::Arc;

/// Says where a complete checkpoint or savepoint lies: enough to load it, or to delete it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointPointer {
    /// The URL of its folder, without a slash at the end.
    pub url: Arc<str>,
    /// How many bytes its `_metadata` has.
    pub metadata_bytes: u64,
}
