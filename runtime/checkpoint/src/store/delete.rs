//! Deleting checkpoints and savepoints.

use sciurus_core::checkpoint::SnapshotKind;

use super::{
    CheckpointStore, DisposeError, LoadError, LoadReason, MAX_METADATA_BYTES, Verification,
};
use crate::handle::StateFile;
use crate::layout::{METADATA_FILE, checkpoint_of};
use crate::metadata::CheckpointMetadata;
use crate::pointer::CheckpointPointer;
use crate::storage::{Storage, StorageError, StorageUrl, is_partial};

/// What `_metadata` is called while the files that it names are deleted: the folder is no checkpoint
/// any more, and what is left of it is still known.
const DELETING_FILE: &str = "_metadata.deleting";

impl CheckpointStore {
    /// Deletes a checkpoint. Its metadata goes first, so that what is half deleted is never taken
    /// for one. Of one that lies outside the job's folder, such as a claimed savepoint, only the
    /// files go that it names. One that isn't there is no error.
    ///
    /// # Errors
    /// Where that fails; calling again deletes the rest.
    pub fn delete_checkpoint(&self, pointer: &CheckpointPointer) -> Result<(), DisposeError> {
        let folder = StorageUrl::parse(&pointer.url)?;
        let name = folder.relative_to(self.layout.folder());
        if name.is_some_and(|name| checkpoint_of(&name).is_some()) {
            return Ok(self.storage.delete_checkpoint_folder(&folder)?);
        }
        match self.storage.load_deletable(&folder.to_string()) {
            Ok((metadata, folder)) => Ok(self.storage.delete_named(&metadata, &folder)?),
            Err(LoadError { reason: LoadReason::Missing, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes files that several checkpoints referred to, when none does any more.
    ///
    /// # Errors
    /// The first failure; the others are deleted all the same.
    pub fn delete_shared(&self, files: &[StateFile]) -> Result<(), StorageError> {
        self.storage.delete_all(files.iter().map(|file| &*file.url))
    }

    /// Deletes what was written for a checkpoint that didn't become one: its folder, and files
    /// elsewhere by their addresses.
    ///
    /// # Errors
    /// The first failure; what can be deleted is.
    pub fn discard<'a>(
        &self,
        exclusive: &str,
        files: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), StorageError> {
        let folder = StorageUrl::parse(exclusive)?;
        let deleted = self.storage.delete_checkpoint_folder(&folder);
        deleted.and(self.storage.delete_all(files))
    }

    /// Deletes the folder of a savepoint that was begun and perhaps not ended: only if it has no
    /// metadata. Files in it that no savepoint would hold are deleted as well: it was made for this
    /// one.
    ///
    /// # Errors
    /// Where that fails.
    pub fn discard_incomplete(&self, folder: &str) -> Result<(), StorageError> {
        let folder = StorageUrl::parse(folder)?;
        let mut is_checkpoint = false;
        for name in [METADATA_FILE, DELETING_FILE] {
            is_checkpoint |= self.storage.size(&folder.join(name)?)?.is_some();
        }
        if is_checkpoint { Ok(()) } else { self.storage.delete_folder(&folder.to_string()) }
    }
}

impl Storage {
    /// Disposes of a savepoint: reads it to be sure that it is one, then deletes its metadata and
    /// the files in its folder that it names. Nothing else is deleted. Where that was broken off,
    /// calling it again deletes the rest.
    ///
    /// # Errors
    /// [`DisposeError`] where the path holds no savepoint of Sciurus, or it can't be deleted.
    pub fn dispose_savepoint(&self, path: &str) -> Result<(), DisposeError> {
        let (metadata, folder) = self.load_deletable(path)?;
        if let SnapshotKind::Savepoint { .. } = metadata.kind {
            return Ok(self.delete_named(&metadata, &folder)?);
        }
        Err(DisposeError::NotASavepoint {
            path: folder.to_string(),
            checkpoint: metadata.id,
            job: metadata.job,
        })
    }

    /// Reads a checkpoint to delete it, be it that this has begun already.
    fn load_deletable(&self, path: &str) -> Result<(CheckpointMetadata, StorageUrl), LoadError> {
        let failed = |reason| LoadError { path: path.to_owned(), reason };
        match self.load_checkpoint(path, Verification::Metadata) {
            Ok((metadata, _)) => {
                let folder = StorageUrl::parse(&metadata.exclusive);
                folder.map(|folder| (metadata, folder)).map_err(LoadReason::Storage).map_err(failed)
            }
            Err(error) if matches!(error.reason, LoadReason::Incomplete) => {
                let folder =
                    StorageUrl::parse(path).map_err(LoadReason::Storage).map_err(failed)?;
                let bytes = folder.join(DELETING_FILE);
                let bytes = bytes.and_then(|file| self.read_all(&file, MAX_METADATA_BYTES));
                let Ok(bytes) = bytes else { return Err(error) };
                match CheckpointMetadata::decode_at(&bytes, &folder) {
                    Ok(metadata) => Ok((metadata, folder)),
                    Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a checkpoint's metadata and what it names in its folder.
    fn delete_named(
        &self,
        metadata: &CheckpointMetadata,
        folder: &StorageUrl,
    ) -> Result<(), StorageError> {
        let deleting = folder.join(DELETING_FILE)?.to_string();
        self.put(&deleting, &metadata.encode())?;
        self.delete(&folder.join(METADATA_FILE)?.to_string())?;
        let inside = |file: &&StateFile| {
            StorageUrl::parse(&file.url).is_ok_and(|url| url.relative_to(folder).is_some())
        };
        self.delete_all(metadata.files().filter(inside).map(|file| &*file.url))?;
        // What was begun and never whole, be it before or in an earlier call of this.
        let mut partial = self.list(&folder.to_string())?;
        partial.retain(|file| is_partial(file.url.name()));
        let partial: Vec<_> = partial.iter().map(|file| file.url.to_string()).collect();
        self.delete_all(partial.iter().map(String::as_str))?;
        self.delete(&deleting)?;
        if !self.delete_empty_folder(folder)? {
            tracing::warn!("{folder} holds other files than the savepoint's: they are left there");
        }
        Ok(())
    }

    fn delete_checkpoint_folder(&self, folder: &StorageUrl) -> Result<(), StorageError> {
        self.delete(&folder.join(METADATA_FILE)?.to_string())?;
        self.delete_folder(&folder.to_string())
    }
}
