//! Removing what no checkpoint refers to.

use std::collections::HashSet;
use std::time::SystemTime;

use super::CheckpointStore;
use crate::layout::{METADATA_FILE, checkpoint_of};
use crate::metadata::CheckpointMetadata;
use crate::storage::{Listed, StorageError, StorageUrl};

/// What [`CheckpointStore::remove_orphans`] has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many files.
    pub files: usize,
    /// How many bytes they had.
    pub bytes: u64,
}

impl CheckpointStore {
    /// Deletes what is in the job's folder and that none of its retained checkpoints refers to: what
    /// processes have left that died, and checkpoints that don't count. Folders of other jobs are
    /// not looked into.
    ///
    /// `before` is for a job that runs or is about to: what was written then or later stays, as its
    /// tasks may yet refer to it. Without it the job has ended: folders that have become empty go
    /// as well, and where nothing is retained the job's own.
    ///
    /// # Errors
    /// Where the folder can't be listed or something can't be deleted.
    pub fn remove_orphans<'a>(
        &self,
        retained: impl IntoIterator<Item = &'a CheckpointMetadata>,
        before: Option<SystemTime>,
    ) -> Result<Removed, StorageError> {
        let folder = self.layout.folder();
        let mut keep = HashSet::new();
        for metadata in retained {
            keep.insert(StorageUrl::parse(&metadata.exclusive)?.join(METADATA_FILE)?);
            for file in metadata.files() {
                keep.insert(StorageUrl::parse(&file.url)?);
            }
        }
        let is_old = |file: &Listed| match (before, file.modified) {
            (Some(before), Some(modified)) => modified < before,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let mut orphans = self.storage.list(&folder.to_string())?;
        let found = orphans.len();
        orphans.retain(|file| is_old(file) && !keep.contains(&file.url));
        // Metadata first: what is half deleted is no checkpoint.
        let is_metadata = |file: &Listed| file.url.name() == METADATA_FILE;
        let (metadata, others): (Vec<_>, Vec<_>) = orphans.iter().partition(|f| is_metadata(f));
        for files in [metadata, others] {
            let urls: Vec<_> = files.iter().map(|file| file.url.to_string()).collect();
            self.storage.delete_all(urls.iter().map(String::as_str))?;
        }
        if before.is_none() && found == orphans.len() {
            self.storage.delete_folder(&folder.to_string())?;
        }
        // At the start of a job those of checkpoints that it will not take again.
        for name in self.storage.folders(folder)? {
            if before.is_none() || checkpoint_of(&name).is_some() {
                self.storage.delete_empty_folder(&folder.join(&name)?)?;
            }
        }
        let bytes = orphans.iter().map(|file| file.bytes).sum();
        let removed = Removed { files: orphans.len(), bytes };
        if removed.files > 0 {
            tracing::info!(
                "{} files of {bytes} bytes, which no checkpoint refers to, were removed from {folder}",
                removed.files
            );
        }
        Ok(removed)
    }
}
