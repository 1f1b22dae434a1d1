//! Checkpoint storage in memory, and what the JobManager has it do, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sciurus_checkpoint::{
    CheckpointMetadata, CheckpointPointer, KeyedStateHandle, StateData, StateFile,
};
use sciurus_core::checkpoint::CheckpointId;

/// What lies in storage.
#[derive(Default)]
pub struct Storage {
    pub files: BTreeMap<Arc<str>, Vec<u8>>,
    /// By folder.
    pub metadata: BTreeMap<String, CheckpointMetadata>,
    pub pointers: BTreeMap<CheckpointId, CheckpointPointer>,
}

/// Something that the JobManager does in storage, one after the other.
pub enum Operation {
    Write(Box<CheckpointMetadata>),
    Delete { checkpoint: CheckpointId, folder: Arc<str>, shared: Vec<StateFile> },
    Forget(CheckpointId),
    Discard(Vec<Arc<str>>),
    Leftovers(Vec<Arc<CheckpointMetadata>>),
}

impl Storage {
    pub fn put(&mut self, url: &Arc<str>, bytes: Vec<u8>) -> StateFile {
        let file = StateFile { url: url.clone(), bytes: bytes.len() as u64, checksum: 0 };
        self.files.insert(url.clone(), bytes);
        file
    }

    pub fn delete_folder(&mut self, folder: &str) {
        let inside = format!("{folder}/");
        self.metadata.remove(folder);
        self.files.retain(|url, _| !url.starts_with(&inside));
    }

    pub fn delete_leftovers(&mut self, job_folder: &str, retained: &[Arc<CheckpointMetadata>]) {
        let kept: BTreeSet<Arc<str>> = retained.iter().flat_map(|m| files_of(m)).collect();
        let folders: BTreeSet<&str> = retained.iter().map(|m| m.exclusive.as_str()).collect();
        let inside = format!("{job_folder}/");
        self.files.retain(|url, _| !url.starts_with(&inside) || kept.contains(url));
        self.metadata
            .retain(|folder, _| !folder.starts_with(&inside) || folders.contains(folder.as_str()));
    }

    /// Checks that all is there that a complete checkpoint refers to.
    pub fn check(&self, folder: &str) {
        let metadata = self.metadata.get(folder);
        let metadata = metadata.unwrap_or_else(|| panic!("{folder} has no metadata"));
        for url in files_of(metadata) {
            assert!(self.files.contains_key(&url), "{url} of {folder} is gone");
        }
    }
}

/// Returns the URLs of all files that a checkpoint refers to.
pub fn files_of(metadata: &CheckpointMetadata) -> Vec<Arc<str>> {
    let mut urls = Vec::new();
    let mut add = |data: &StateData| {
        if let StateData::File(file) = data {
            urls.push(file.url.clone());
        }
    };
    let states = metadata.operators.iter().flat_map(|operator| operator.subtasks.values());
    let mut shared_urls = Vec::new();
    for state in states {
        match &state.keyed {
            Some(KeyedStateHandle::Snapshot { data, .. }) => add(data),
            Some(KeyedStateHandle::Incremental { metadata, shared, .. }) => {
                add(metadata);
                shared_urls.extend(shared.values().map(|file| file.url.clone()));
            }
            None => {}
        }
        state.operator.iter().for_each(|operator| add(&operator.data));
    }
    urls.extend(shared_urls);
    urls
}
