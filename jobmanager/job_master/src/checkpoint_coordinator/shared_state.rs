//! Which files are referred to by which checkpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sciurus_checkpoint::{
    CheckpointMetadata, KeyedStateHandle, StateData, StateFile, SubtaskState,
};
use sciurus_core::checkpoint::CheckpointId;

/// Counts references to files that several checkpoints may refer to.
///
/// A file to which no complete checkpoint refers any more isn't deleted at once: a task may not have
/// heard of the newest complete checkpoint yet and refer to files of an older one, in a checkpoint
/// that is under way or even in one that begins now, since barriers and notifications take different
/// ways. A task never goes back: what a complete checkpoint doesn't refer to that was triggered
/// after a file was given up, nobody will refer to again.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedStateRegistry {
    files: BTreeMap<Arc<str>, SharedFile>,
}

#[derive(Clone, Debug)]
struct SharedFile {
    file: StateFile,
    users: BTreeSet<CheckpointId>,
    /// A complete checkpoint has referred to it, so that tasks may refer to it again.
    is_established: bool,
    /// It belongs to a user, and is never deleted.
    is_foreign: bool,
    /// Once nobody uses it: the checkpoint triggered last by then.
    given_up: Option<CheckpointId>,
}

impl SharedStateRegistry {
    /// Takes note that a checkpoint refers to files.
    pub(crate) fn register(
        &mut self,
        checkpoint: CheckpointId,
        files: impl IntoIterator<Item = StateFile>,
    ) {
        for file in files {
            let shared = self.files.entry(file.url.clone()).or_insert_with(|| SharedFile {
                file,
                users: BTreeSet::new(),
                is_established: false,
                is_foreign: false,
                given_up: None,
            });
            shared.users.insert(checkpoint);
            shared.given_up = None;
        }
    }

    /// Takes note that a user's snapshot refers to files.
    pub(crate) fn protect(&mut self, owner: CheckpointId, files: &[StateFile]) {
        for file in files {
            self.register(owner, [file.clone()]);
            if let Some(shared) = self.files.get_mut(&file.url) {
                shared.is_foreign = true;
            }
        }
    }

    /// Takes note that a checkpoint is complete, so that tasks may refer to its files.
    pub(crate) fn establish(&mut self, checkpoint: CheckpointId) {
        for shared in self.files.values_mut() {
            shared.is_established |= shared.users.contains(&checkpoint);
        }
    }

    /// Takes note that a checkpoint came to nothing; returns the files that were its own, to which
    /// no other can refer. `latest` is the checkpoint triggered last.
    pub(crate) fn unregister_failed(
        &mut self,
        checkpoint: CheckpointId,
        latest: CheckpointId,
    ) -> Vec<StateFile> {
        let mut unused = Vec::new();
        self.files.retain(|_, shared| {
            if !shared.users.remove(&checkpoint) || !shared.users.is_empty() {
                return true;
            }
            if shared.is_established || shared.is_foreign {
                shared.given_up = Some(latest);
            } else {
                unused.push(shared.file.clone());
            }
            shared.is_established || shared.is_foreign
        });
        unused
    }

    /// Takes note that a complete checkpoint has gone; `latest` is the checkpoint triggered last.
    pub(crate) fn unregister_complete(&mut self, checkpoint: CheckpointId, latest: CheckpointId) {
        for shared in self.files.values_mut() {
            if shared.users.remove(&checkpoint) && shared.users.is_empty() {
                shared.given_up = Some(latest);
            }
        }
    }

    /// Takes the files out that were given up before a checkpoint was triggered that is complete
    /// now, and to which nobody refers.
    pub(crate) fn take_unused(&mut self, completed: CheckpointId) -> Vec<StateFile> {
        self.take_if(|given_up| given_up < completed)
    }

    /// Takes all files out to which nobody refers: no task is running.
    pub(crate) fn take_all_unused(&mut self) -> Vec<StateFile> {
        self.take_if(|_| true)
    }

    fn take_if(&mut self, is_over: impl Fn(CheckpointId) -> bool) -> Vec<StateFile> {
        let mut unused = Vec::new();
        self.files.retain(|_, shared| {
            let is_over = shared.given_up.is_some_and(&is_over);
            let is_unused = is_over && shared.users.is_empty() && !shared.is_foreign;
            if is_unused {
                unused.push(shared.file.clone());
            }
            !is_unused
        });
        unused
    }

    /// Says whether a file is referred to, or may still be.
    pub(crate) fn contains(&self, url: &str) -> bool {
        self.files.contains_key(url)
    }
}

/// Returns the files of a subtask's state that other checkpoints may refer to as well.
pub(crate) fn shared_files(state: &SubtaskState) -> Vec<StateFile> {
    let keyed = state.operators.values().filter_map(|operator| operator.keyed.as_ref());
    keyed.flat_map(shared_files_of).collect()
}

/// Returns the files of a checkpoint that others may refer to as well.
pub(crate) fn shared_files_in(metadata: &CheckpointMetadata) -> Vec<StateFile> {
    let subtasks = metadata.operators.iter().flat_map(|operator| operator.subtasks.values());
    subtasks.filter_map(|subtask| subtask.keyed.as_ref()).flat_map(shared_files_of).collect()
}

/// Returns the files of a subtask's state that belong to one checkpoint alone.
pub(crate) fn exclusive_files(state: &SubtaskState) -> Vec<StateFile> {
    let mut files = Vec::new();
    for operator in state.operators.values() {
        match &operator.keyed {
            Some(KeyedStateHandle::Snapshot { data, .. }) => files.extend(file(data)),
            Some(KeyedStateHandle::Incremental { metadata, private, .. }) => {
                files.extend(file(metadata));
                files.extend(private.values().filter_map(file));
            }
            None => {}
        }
        files.extend(operator.operator.as_ref().and_then(|operator| file(&operator.data)));
    }
    files
}

fn file(data: &StateData) -> Option<StateFile> {
    match data {
        StateData::File(file) => Some(file.clone()),
        StateData::Inline(_) => None,
    }
}

fn shared_files_of(handle: &KeyedStateHandle) -> Vec<StateFile> {
    match handle {
        KeyedStateHandle::Snapshot { .. } => Vec::new(),
        KeyedStateHandle::Incremental { shared, .. } => shared.values().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: CheckpointId = CheckpointId(1);
    const TWO: CheckpointId = CheckpointId(2);
    const THREE: CheckpointId = CheckpointId(3);
    const FOUR: CheckpointId = CheckpointId(4);

    fn file(name: &str) -> StateFile {
        StateFile { url: format!("file:///shared/{name}").into(), bytes: 1, checksum: 0 }
    }

    #[test]
    fn what_only_a_failed_checkpoint_refers_to_is_its_own() {
        let mut registry = SharedStateRegistry::default();
        registry.register(ONE, [file("a")]);
        registry.establish(ONE);
        registry.register(TWO, [file("a"), file("b")]);
        assert_eq!(registry.unregister_failed(TWO, TWO), [file("b")]);
        assert!(registry.contains(&file("a").url) && !registry.contains(&file("b").url));
    }

    #[test]
    fn a_file_that_was_given_up_waits_for_a_checkpoint_that_begins_later() {
        let mut registry = SharedStateRegistry::default();
        registry.register(ONE, [file("a")]);
        registry.register(TWO, [file("b")]);
        // Three is under way already, and may refer to what one has.
        registry.unregister_complete(ONE, THREE);
        assert_eq!(registry.take_unused(TWO), []);
        assert_eq!(registry.take_unused(THREE), []);
        assert_eq!(registry.take_unused(FOUR), [file("a")]);
    }

    #[test]
    fn a_file_that_was_given_up_can_be_taken_up_again() {
        let mut registry = SharedStateRegistry::default();
        registry.register(ONE, [file("a")]);
        registry.unregister_complete(ONE, THREE);
        registry.register(THREE, [file("a")]);
        assert_eq!(registry.take_unused(FOUR), []);
        registry.unregister_complete(THREE, FOUR);
        assert_eq!(registry.take_all_unused(), [file("a")]);
    }

    #[test]
    fn a_file_that_was_given_up_outlives_a_failed_checkpoint_that_referred_to_it() {
        let mut registry = SharedStateRegistry::default();
        registry.register(ONE, [file("a")]);
        registry.establish(ONE);
        registry.unregister_complete(ONE, TWO);
        registry.register(TWO, [file("a")]);
        assert_eq!(registry.unregister_failed(TWO, THREE), []);
        // Three may refer to it: its task had heard of no checkpoint but one.
        assert_eq!(registry.take_unused(THREE), []);
        assert_eq!(registry.take_unused(FOUR), [file("a")]);
    }
}
