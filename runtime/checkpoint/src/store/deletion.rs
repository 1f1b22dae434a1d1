//! What a job's master wants deleted.

use std::sync::Arc;
use std::time::SystemTime;

use super::{CheckpointStore, DisposeError};
use crate::handle::StateFile;
use crate::metadata::CheckpointMetadata;
use crate::pointer::CheckpointPointer;

/// Something to be deleted of a job's checkpoints. What isn't there is gone already.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// A complete checkpoint, and files outside its folder to which no other refers.
    Checkpoint {
        /// Where it lies.
        pointer: CheckpointPointer,
        /// The files.
        shared: Vec<StateFile>,
    },
    /// The folder of a checkpoint that came to nothing, by its URL.
    Folder(String),
    /// Files, by their URLs.
    Files(Vec<Arc<str>>),
    /// All in the job's folder that these checkpoints don't hold.
    Leftovers {
        /// The checkpoints.
        retained: Vec<Arc<CheckpointMetadata>>,
        /// Where it is set, only what was written before: tasks of the job may be writing.
        older_than: Option<SystemTime>,
    },
}

impl Deletion {
    /// Deletes it. Waits for the storage.
    ///
    /// # Errors
    /// Where that fails; calling again deletes the rest.
    pub fn carry_out(&self, store: &CheckpointStore) -> Result<(), DisposeError> {
        match self {
            Self::Checkpoint { pointer, shared } => {
                let deleted = store.delete_checkpoint(pointer);
                store.delete_shared(shared)?;
                deleted
            }
            Self::Folder(url) => Ok(store.discard(url, [])?),
            Self::Files(files) => Ok(store.storage().delete_all(files.iter().map(|url| &**url))?),
            Self::Leftovers { retained, older_than } => {
                let retained = retained.iter().map(|metadata| &**metadata);
                store.remove_orphans(retained, *older_than)?;
                Ok(())
            }
        }
    }
}
