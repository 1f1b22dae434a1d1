//! The checkpoints of a job in storage: writing them for good, reading, deleting.
//!
//! A checkpoint is what has a `_metadata`, which is written last and deleted first: whatever a
//! process dies in the midst of, a checkpoint is there as a whole or isn't one.

mod delete;
mod deletion;
mod error;
mod load;
mod orphans;

pub use deletion::Deletion;
pub use error::{DisposeError, LoadError, LoadReason};
pub use load::{Retained, Verification};
pub use orphans::Removed;

use sciurus_core::ids::JobId;

use crate::layout::{CheckpointLayout, METADATA_FILE};
use crate::metadata::CheckpointMetadata;
use crate::pointer::CheckpointPointer;
use crate::storage::{Storage, StorageError, StorageUrl};

/// The most bytes that metadata may have: more is no metadata.
const MAX_METADATA_BYTES: u64 = 1 << 31;

/// The checkpoints of a job. Calls wait for the storage.
#[derive(Clone, Debug)]
pub struct CheckpointStore {
    storage: Storage,
    layout: CheckpointLayout,
}

impl CheckpointStore {
    /// Uses a directory of checkpoints (`execution.checkpointing.dir`); nothing is made yet.
    ///
    /// # Errors
    /// Where the directory is no address that can be reached.
    pub fn new(storage: Storage, directory: &str, job: JobId) -> Result<Self, StorageError> {
        let layout = CheckpointLayout::new(directory, job)?;
        storage.check(layout.folder())?;
        Ok(Self { storage, layout })
    }

    /// Returns where the job's files lie.
    pub fn layout(&self) -> &CheckpointLayout {
        &self.layout
    }

    /// Returns the storage.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Makes the job's folders, so that a directory that can't be written to is noticed before the
    /// first checkpoint.
    ///
    /// # Errors
    /// Where they can't be made.
    pub fn prepare(&self) -> Result<(), StorageError> {
        for folder in [self.layout.shared(), self.layout.task_owned()] {
            self.storage.make_folder(&StorageUrl::parse(&folder)?)?;
        }
        Ok(())
    }

    /// Writes a checkpoint's metadata: when this returns, the checkpoint is complete and durable.
    ///
    /// # Errors
    /// Where it can't be written; the checkpoint is not complete then.
    pub fn write(&self, metadata: &CheckpointMetadata) -> Result<CheckpointPointer, StorageError> {
        let folder = StorageUrl::parse(&metadata.exclusive)?;
        let bytes = metadata.encode();
        // Tasks made the folder and others; what holds their names must be durable as well.
        self.storage.make_folder(&folder)?;
        if let Some(parent) = folder.parent() {
            self.storage.sync_folder(&parent)?;
        }
        let file = folder.join(METADATA_FILE)?;
        self.storage.put(&file.to_string(), &bytes)?;
        Ok(CheckpointPointer { url: folder.to_string().into(), metadata_bytes: bytes.len() as u64 })
    }
}
