//! Reading checkpoints, and telling whole ones from others.

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::JobId;

use super::{CheckpointStore, LoadError, LoadReason, MAX_METADATA_BYTES};
use crate::handle::StateFile;
use crate::layout::{METADATA_FILE, checkpoint_of};
use crate::metadata::CheckpointMetadata;
use crate::pointer::{CheckpointPointer, RetainedCheckpoint};
use crate::storage::{Storage, StorageError, StorageErrorKind, StorageUrl};

/// How much of a checkpoint is read to find out whether it is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// The metadata.
    Metadata,
    /// And that each file is there and as long as it was written.
    #[default]
    Files,
    /// And the checksum of each file: all that the checkpoint holds.
    Contents,
}

/// The checkpoints of a job that can be used, and those that can't.
#[derive(Clone, Debug, Default)]
pub struct Retained {
    /// Those that are whole, the oldest first.
    pub whole: Vec<(CheckpointPointer, CheckpointMetadata)>,
    /// Those that are not, each with the reason.
    pub passed_over: Vec<(RetainedCheckpoint, LoadError)>,
}

impl CheckpointStore {
    /// Reads a checkpoint or savepoint: its folder or its `_metadata`, by path or address.
    ///
    /// # Errors
    /// [`LoadError`] where it isn't one, isn't whole or isn't Sciurus's.
    pub fn load(
        &self,
        path: &str,
        verification: Verification,
    ) -> Result<CheckpointMetadata, LoadError> {
        self.storage.load_checkpoint(path, verification).map(|(metadata, _)| metadata)
    }

    /// Reads the newest of these checkpoints that is whole, and says which it passed over.
    ///
    /// # Errors
    /// Where the storage fails, so that it isn't known whether a checkpoint is whole: going on from
    /// an older one would repeat what has been done since.
    pub fn latest_good(
        &self,
        checkpoints: &[RetainedCheckpoint],
        verification: Verification,
    ) -> Result<Retained, LoadError> {
        let mut checkpoints: Vec<_> = checkpoints.iter().collect();
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.id));
        let mut found = Retained::default();
        for checkpoint in checkpoints {
            self.add(checkpoint, verification, &mut found)?;
            if !found.whole.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Reads all of these checkpoints, the oldest first, and says which are not whole.
    ///
    /// # Errors
    /// As [`CheckpointStore::latest_good`].
    pub fn load_retained(
        &self,
        checkpoints: &[RetainedCheckpoint],
        verification: Verification,
    ) -> Result<Retained, LoadError> {
        let mut checkpoints: Vec<_> = checkpoints.iter().collect();
        checkpoints.sort_by_key(|checkpoint| checkpoint.id);
        let mut found = Retained::default();
        for checkpoint in checkpoints {
            self.add(checkpoint, verification, &mut found)?;
        }
        Ok(found)
    }

    fn add(
        &self,
        checkpoint: &RetainedCheckpoint,
        verification: Verification,
        found: &mut Retained,
    ) -> Result<(), LoadError> {
        match self.load(&checkpoint.url, verification) {
            Ok(metadata) => found.whole.push((checkpoint.pointer(), metadata)),
            Err(error @ LoadError { reason: LoadReason::Storage(_), .. }) => return Err(error),
            Err(error) => {
                tracing::error!("{error}; another checkpoint is used");
                found.passed_over.push((checkpoint.clone(), error));
            }
        }
        Ok(())
    }

    /// Finds the job's complete checkpoints by looking into its folder, the oldest first. Their
    /// files aren't looked at.
    ///
    /// # Errors
    /// Where the folder can't be listed.
    pub fn scan(&self) -> Result<Vec<RetainedCheckpoint>, StorageError> {
        let mut pointers = Vec::new();
        for name in self.storage.folders(self.layout.folder())? {
            if checkpoint_of(&name).is_none() {
                continue;
            }
            let folder = self.layout.folder().join(&name)?;
            match self.storage.load_checkpoint(&folder.to_string(), Verification::Metadata) {
                Ok((metadata, bytes)) if metadata.job == self.layout.job() => {
                    let url = metadata.exclusive.as_str().into();
                    let pointer = CheckpointPointer { url, metadata_bytes: bytes };
                    pointers.push(RetainedCheckpoint::new(&metadata, &pointer));
                }
                Ok((metadata, _)) => {
                    tracing::warn!("{folder} holds a checkpoint of job {}", metadata.job);
                }
                Err(error) => tracing::warn!("{error}"),
            }
        }
        pointers.sort_by_key(|pointer| pointer.id);
        Ok(pointers)
    }

    /// Returns the highest number of a checkpoint of which anything is left in the job's folder.
    ///
    /// # Errors
    /// Where the folder can't be listed.
    pub fn highest_id(&self) -> Result<Option<CheckpointId>, StorageError> {
        let names = self.storage.folders(self.layout.folder())?;
        Ok(names.iter().filter_map(|name| checkpoint_of(name)).max())
    }
}

impl Storage {
    /// Reads the newest checkpoint that is whole in the folder of a job, if the path names such a
    /// folder and there is one, and returns it with the length of its metadata in bytes.
    ///
    /// # Errors
    /// Where the storage fails, so that it isn't known which is the newest.
    pub fn load_latest(
        &self,
        path: &str,
        verification: Verification,
    ) -> Result<Option<(CheckpointMetadata, u64)>, LoadError> {
        let failed =
            |error| LoadError { path: path.to_owned(), reason: LoadReason::Storage(error) };
        let url = StorageUrl::parse(path).map_err(failed)?;
        let (Some(directory), Ok(job)) = (url.parent(), url.name().parse::<JobId>()) else {
            return Ok(None);
        };
        let store = CheckpointStore::new(self.clone(), &directory.to_string(), job);
        let store = store.map_err(failed)?;
        let retained = store.scan().map_err(failed)?;
        let newest = store.latest_good(&retained, verification)?.whole.pop();
        Ok(newest.map(|(pointer, metadata)| (metadata, pointer.metadata_bytes)))
    }

    /// Reads a checkpoint or savepoint and returns it with the length of its metadata in bytes. The
    /// path names its folder or its `_metadata`.
    ///
    /// # Errors
    /// [`LoadError`] where it isn't one, isn't whole or isn't Sciurus's.
    pub fn load_checkpoint(
        &self,
        path: &str,
        verification: Verification,
    ) -> Result<(CheckpointMetadata, u64), LoadError> {
        let result = self.try_load(path, verification);
        result.map_err(|reason| LoadError { path: path.to_owned(), reason })
    }

    fn try_load(
        &self,
        path: &str,
        verification: Verification,
    ) -> Result<(CheckpointMetadata, u64), LoadReason> {
        let url = StorageUrl::parse(path).map_err(LoadReason::Storage)?;
        let folder = match url.parent() {
            Some(folder) if url.name() == METADATA_FILE => folder,
            _ => url,
        };
        let file = folder.join(METADATA_FILE).map_err(LoadReason::Storage)?;
        let bytes = match self.read_all(&file, MAX_METADATA_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == StorageErrorKind::NotFound => {
                return Err(self.why_missing(&folder));
            }
            Err(error) => return Err(LoadReason::Storage(error)),
        };
        let metadata = CheckpointMetadata::decode_at(&bytes, &folder)?;
        for file in metadata.files() {
            match verification {
                Verification::Metadata => break,
                Verification::Files => self.verify_length(file),
                Verification::Contents => self.verify(file),
            }
            .map_err(LoadReason::of_file)?;
        }
        Ok((metadata, bytes.len() as u64))
    }

    /// Verifies that a file is there and as long as it was written.
    fn verify_length(&self, file: &StateFile) -> Result<(), StorageError> {
        self.read(file).map(drop)
    }

    /// Says what a folder without metadata is instead of a checkpoint.
    fn why_missing(&self, folder: &StorageUrl) -> LoadReason {
        let mut names = match self.folders(folder) {
            Ok(names) => names,
            Err(error) => return LoadReason::Storage(error),
        };
        // All that lies below a folder may be all that there is on a disk.
        let has_folders = !names.is_empty();
        names.retain(|name| {
            let file = folder.join(name).and_then(|folder| folder.join(METADATA_FILE));
            file.and_then(|file| self.size(&file)).is_ok_and(|size| size.is_some())
        });
        if !names.is_empty() {
            return LoadReason::Folder { folders: names };
        }
        if has_folders {
            return LoadReason::Incomplete;
        }
        match self.list(&folder.to_string()) {
            Ok(files) if files.is_empty() => LoadReason::Missing,
            Ok(_) => LoadReason::Incomplete,
            Err(error) => LoadReason::Storage(error),
        }
    }
}
