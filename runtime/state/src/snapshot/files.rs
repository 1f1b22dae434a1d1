//! Snapshots as files of which later ones use some again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sciurus_core::checkpoint::CheckpointId;

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// What the backend knows it by. Two shared files of one name are the same, whichever backend
    /// of whichever attempt they come from.
    pub name: String,
    /// Where it lies as long as the snapshot is there.
    pub path: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// It never changes and later snapshots refer to it: it is written once. The others belong to
    /// this snapshot alone.
    pub shared: bool,
}

/// A snapshot as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFiles {
    /// What the backend has to know of the files in order to restore from them: its own form.
    pub metadata: Vec<u8>,
    /// The files.
    pub files: Vec<SnapshotFile>,
}

/// Which shared files of one backend lie in checkpoint storage, and what is known of each (`F`).
///
/// Only files of checkpoints that are known to be complete are used again: those of others may be
/// deleted at any time.
#[derive(Debug, Clone)]
pub struct SharedFiles<F> {
    complete: BTreeMap<String, F>,
    pending: BTreeMap<CheckpointId, BTreeMap<String, F>>,
}

impl<F> Default for SharedFiles<F> {
    fn default() -> Self {
        Self { complete: BTreeMap::new(), pending: BTreeMap::new() }
    }
}

impl<F: Clone> SharedFiles<F> {
    /// Starts without any file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with those of the checkpoint that the backend was restored from. Not for a
    /// checkpoint that belongs to somebody else (claim mode `NO_CLAIM`).
    pub fn restored(files: BTreeMap<String, F>) -> Self {
        Self { complete: files, pending: BTreeMap::new() }
    }

    /// Returns the file if it needn't be written again.
    pub fn known(&self, name: &str) -> Option<&F> {
        self.complete.get(name)
    }

    /// Remembers all shared files that a checkpoint refers to, before it is acknowledged.
    pub fn acknowledged(&mut self, checkpoint: CheckpointId, files: BTreeMap<String, F>) {
        self.pending.insert(checkpoint, files);
    }

    /// The checkpoint is complete: its files may be used again, those of older ones alone no more.
    pub fn completed(&mut self, checkpoint: CheckpointId) {
        if let Some(files) = self.pending.remove(&checkpoint) {
            self.complete = files;
            self.pending = self.pending.split_off(&checkpoint);
        }
    }

    /// The checkpoint was aborted: its files count for nothing.
    pub fn aborted(&mut self, checkpoint: CheckpointId) {
        self.pending.remove(&checkpoint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> BTreeMap<String, u64> {
        names.iter().map(|name| ((*name).to_owned(), 7)).collect()
    }

    #[test]
    fn only_files_of_the_latest_complete_checkpoint_are_used_again() {
        let mut shared = SharedFiles::restored(files(&["0"]));
        for (checkpoint, names) in [(1, ["0", "1"]), (2, ["1", "2"]), (3, ["2", "3"])] {
            shared.acknowledged(CheckpointId(checkpoint), files(&names));
        }
        assert!(shared.known("0").is_some() && shared.known("1").is_none());
        shared.completed(CheckpointId(2));
        assert!(shared.known("0").is_none());
        assert!(shared.known("1").is_some() && shared.known("2").is_some());
        // Subsumed by the second: what comes late about it changes nothing.
        shared.completed(CheckpointId(1));
        assert!(shared.known("2").is_some() && shared.known("0").is_none());
        shared.aborted(CheckpointId(3));
        shared.completed(CheckpointId(3));
        assert!(shared.known("3").is_none());
    }
}
