//! Removing what no checkpoint refers to.

use std::collections::HashSet;
use std::time::SystemTime;

use super::CheckpointStore;
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
    /// Deletes all files of the job's folder that none of its retained checkpoints holds, and the
    /// folders that become empty: what processes have left that died. Files that were written at
    /// `before` or later stay, as tasks that run may still refer to them. With nothing retained and
    /// no time set, the job's folder goes as a whole.
    ///
    /// # Errors
    /// Where the folder can't be listed or something can't be deleted.
    pub fn remove_orphans<'a>(
        &self,
        retained: impl IntoIterator<Item = &'a CheckpointMetadata>,
        before: Option<SystemTime>,
    ) -> Result<Removed, StorageError> {
        let folder = self.layout.folder();
        let files = self.storage.list(&folder.to_string())?;
        let mut keep = HashSet::new();
        let mut retains = false;
        for metadata in retained {
            retains = true;
            let exclusive = StorageUrl::parse(&metadata.exclusive)?;
            keep.insert(exclusive.join(crate::layout::METADATA_FILE)?);
            for file in metadata.files() {
                keep.insert(StorageUrl::parse(&file.url)?);
            }
        }
        let is_old = |file: &Listed| match (before, file.modified) {
            (Some(before), Some(modified)) => modified < before,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let mut orphans: Vec<_> =
            files.iter().filter(|f| is_old(f) && !keep.contains(&f.url)).collect();
        // Metadata first: what is half deleted is no checkpoint.
        orphans.sort_by_key(|file| file.url.name() != crate::layout::METADATA_FILE);
        let (metadata, others) = orphans
            .split_at(orphans.partition_point(|f| f.url.name() == crate::layout::METADATA_FILE));
        for files in [metadata, others] {
            let urls: Vec<_> = files.iter().map(|file| file.url.to_string()).collect();
            self.storage.delete_all(urls.iter().map(String::as_str))?;
        }
        let removed =
            Removed { files: orphans.len(), bytes: orphans.iter().map(|file| file.bytes).sum() };
        if retains || before.is_some() {
            for name in self.storage.folders(folder)? {
                if crate::layout::checkpoint_of(&name).is_some() && before.is_none() {
                    self.storage.delete_empty_folder(&folder.join(&name)?)?;
                }
            }
        } else {
            self.storage.delete_folder(&folder.to_string())?;
        }
        Ok(removed)
    }
}
