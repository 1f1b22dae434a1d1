//! Where a complete checkpoint lies.

use std::sync::Arc;

use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use serde::{Deserialize, Serialize};

use crate::metadata::CheckpointMetadata;

/// Says where a complete checkpoint or savepoint lies: enough to load it, or to delete it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointPointer {
    /// The URL of its folder, without a slash at the end.
    pub url: Arc<str>,
    /// How many bytes its `_metadata` has.
    pub metadata_bytes: u64,
}

/// A complete checkpoint that a job retains, as it is remembered for the next JobManager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetainedCheckpoint {
    /// Its number.
    pub id: CheckpointId,
    /// What it is for.
    pub kind: SnapshotKind,
    /// The URL of its folder, without a slash at the end.
    pub url: String,
    /// How many bytes its `_metadata` has.
    pub metadata_bytes: u64,
}

impl RetainedCheckpoint {
    /// Remembers a checkpoint.
    pub fn new(metadata: &CheckpointMetadata, pointer: &CheckpointPointer) -> Self {
        Self {
            id: metadata.id,
            kind: metadata.kind,
            url: pointer.url.to_string(),
            metadata_bytes: pointer.metadata_bytes,
        }
    }

    /// Returns where it lies.
    pub fn pointer(&self) -> CheckpointPointer {
        CheckpointPointer { url: self.url.as_str().into(), metadata_bytes: self.metadata_bytes }
    }
}
