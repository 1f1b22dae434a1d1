//! Why a checkpoint can't be restored from.

use crate::codec::MetadataError;
use crate::storage::{StorageError, StorageErrorKind};

/// Says which checkpoint can't be used, why, and what helps.
#[derive(Clone, Debug, thiserror::Error)]
#[error("can't use the checkpoint {path}: {reason}")]
pub struct LoadError {
    /// The folder or file that was given.
    pub path: String,
    /// Why not.
    pub reason: LoadReason,
}

impl LoadError {
    /// Returns whether the same call may succeed a little later: the storage failed for now.
    pub fn is_transient(&self) -> bool {
        matches!(&self.reason, LoadReason::Storage(error) if error.is_transient())
    }
}

/// Why a checkpoint can't be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadReason {
    /// Nothing is there.
    #[error(
        "nothing is there; check the path, and that this machine sees the storage that it was \
         written to"
    )]
    Missing,
    /// The folder has no metadata.
    #[error(
        "it has no `_metadata`: it was not completed, or is being deleted; use another checkpoint"
    )]
    Incomplete,
    /// The folder holds other checkpoints.
    #[error("it holds {}: name one of them", folders.join(", "))]
    Folder {
        /// The names of their folders.
        folders: Vec<String>,
    },
    /// The metadata can't be read.
    #[error("its `_metadata` can't be read: {0}")]
    Metadata(#[from] MetadataError),
    /// A file that it refers to isn't as it was written.
    #[error("it refers to a file that is missing or damaged: {0}")]
    File(StorageError),
    /// The storage failed.
    #[error(transparent)]
    Storage(StorageError),
}

impl LoadReason {
    /// Tells files that are missing or damaged from storage that fails.
    pub(super) fn of_file(error: StorageError) -> Self {
        match error.kind() {
            StorageErrorKind::NotFound | StorageErrorKind::Changed => Self::File(error),
            _ => Self::Storage(error),
        }
    }
}

/// Why a savepoint can't be disposed of.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DisposeError {
    /// It can't be read, so it may be anything.
    #[error("{0}; nothing was deleted")]
    Load(#[from] LoadError),
    /// It is a checkpoint, which its job owns.
    #[error(
        "{path} is no savepoint but checkpoint {checkpoint} of job {job}, which deletes it itself; \
         nothing was deleted"
    )]
    NotASavepoint {
        /// The folder.
        path: String,
        /// Which checkpoint it is.
        checkpoint: sciurus_core::checkpoint::CheckpointId,
        /// Whose it is.
        job: sciurus_core::ids::JobId,
    },
    /// The storage failed.
    #[error("{0}; a part of the savepoint may be left")]
    Storage(#[from] StorageError),
}
