//! Deleting checkpoints and savepoints.

use super::{CheckpointStore, DisposeError, Verification};
use crate::handle::StateFile;
use crate::layout::METADATA_FILE;
use crate::pointer::CheckpointPointer;
use crate::storage::{Storage, StorageError, StorageUrl};

impl CheckpointStore {
    /// Deletes a checkpoint: its metadata first, then its folder. One that isn't there is no error.
    ///
    /// # Errors
    /// Where that fails; it is no checkpoint any more if the metadata is gone, and calling again
    /// deletes the rest.
    pub fn delete_checkpoint(&self, pointer: &CheckpointPointer) -> Result<(), StorageError> {
        self.storage.delete_checkpoint_folder(&StorageUrl::parse(&pointer.url)?)
    }

    /// Deletes files that several checkpoints referred to, when none does any more.
    ///
    /// # Errors
    /// Where that fails; the others are deleted all the same.
    pub fn delete_shared(&self, files: &[StateFile]) -> Result<(), StorageError> {
        self.storage.delete_all(files.iter().map(|file| &*file.url))
    }

    /// Deletes what a checkpoint has written that didn't become one: files, by their addresses, and
    /// its folder.
    ///
    /// # Errors
    /// Where that fails; what can be deleted is.
    pub fn discard<'a>(
        &self,
        exclusive: &str,
        files: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), StorageError> {
        let folder = StorageUrl::parse(exclusive)?;
        let deleted = self.storage.delete_checkpoint_folder(&folder);
        deleted.and(self.storage.delete_all(files))
    }
}

impl Storage {
    /// Disposes of a savepoint: reads it to be sure that it is one, then deletes its metadata and
    /// its files. Nothing else is deleted, be it in its folder or elsewhere.
    ///
    /// # Errors
    /// [`DisposeError`] where the path holds no savepoint of Sciurus, or it can't be deleted.
    pub fn dispose_savepoint(&self, path: &str) -> Result<(), DisposeError> {
        let (metadata, _) = self.load_checkpoint(path, Verification::Metadata)?;
        let folder = StorageUrl::parse(&metadata.exclusive)?;
        if !metadata.kind.is_savepoint() {
            return Err(DisposeError::NotASavepoint {
                path: folder.to_string(),
                checkpoint: metadata.id,
                job: metadata.job,
            });
        }
        self.delete(&folder.join(METADATA_FILE)?.to_string())?;
        let inside = |file: &&StateFile| {
            StorageUrl::parse(&file.url).is_ok_and(|url| url.relative_to(&folder).is_some())
        };
        self.delete_all(metadata.files().filter(inside).map(|file| &*file.url))?;
        if !self.delete_empty_folder(&folder)? {
            tracing::warn!("{folder} holds files that are none of the savepoint's: they are left");
        }
        Ok(())
    }

    fn delete_checkpoint_folder(&self, folder: &StorageUrl) -> Result<(), StorageError> {
        self.delete(&folder.join(METADATA_FILE)?.to_string())?;
        self.delete_folder(&folder.to_string())
    }
}
