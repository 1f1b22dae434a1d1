//! What a whole checkpoint holds, and what a subtask is restored from.

use std::collections::BTreeMap;

use bytes::Bytes;
use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::ids::{JobId, OperatorId};
use sciurus_core::time::Timestamp;

use crate::handle::{KeyedStateHandle, OperatorStateHandle, OperatorSubtaskState, StateFile};

/// A checkpoint or savepoint: all that a restore needs. It is what `_metadata` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointMetadata {
    /// The job it was taken of.
    pub job: JobId,
    /// What that was called, for people to read.
    pub job_name: String,
    /// Its number.
    pub id: CheckpointId,
    /// What it is for.
    pub kind: SnapshotKind,
    /// When it was triggered, milliseconds since the Unix epoch.
    pub timestamp: Timestamp,
    /// The URL of the folder that holds what belongs to it alone, `_metadata` among it.
    pub exclusive: String,
    /// The operators of the job, those without state too.
    pub operators: Vec<OperatorState>,
}

/// What a checkpoint holds of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorState {
    /// Under which id the state is found again.
    pub id: OperatorId,
    /// The `uid` that the user gave.
    pub uid: Option<String>,
    /// What it is called, for people to read.
    pub name: String,
    /// How many subtasks it had.
    pub parallelism: u32,
    /// How many key groups it has.
    pub max_parallelism: u32,
    /// The state of those subtasks that have any, by their index.
    pub subtasks: BTreeMap<u32, OperatorSubtaskState>,
    /// Of a source: the state of its enumerator.
    pub enumerator: Option<Bytes>,
    /// All subtasks had finished: nothing is left to run.
    pub is_finished: bool,
}

impl CheckpointMetadata {
    /// Returns how many bytes the state is.
    pub fn bytes(&self) -> u64 {
        self.operators.iter().map(OperatorState::bytes).sum()
    }

    /// Returns the files that it refers to, each once, in the order of their addresses.
    pub fn files(&self) -> impl Iterator<Item = &StateFile> {
        let mut files = BTreeMap::new();
        for state in self.operators.iter().flat_map(|operator| operator.subtasks.values()) {
            state.for_each_file(&mut |file| {
                files.insert(&*file.url, file);
            });
        }
        files.into_values()
    }
}

impl OperatorState {
    /// Returns how many bytes the state is, that of the enumerator included.
    pub fn bytes(&self) -> u64 {
        let subtasks: u64 = self.subtasks.values().map(OperatorSubtaskState::bytes).sum();
        subtasks + self.enumerator.as_ref().map_or(0, |state| state.len() as u64)
    }

    /// Returns whether there is any state.
    pub fn has_state(&self) -> bool {
        self.enumerator.is_some()
            || self.subtasks.values().any(|state| *state != OperatorSubtaskState::default())
    }
}

/// What a subtask starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubtaskRestore {
    /// The checkpoint that it is restored from.
    pub checkpoint: CheckpointId,
    /// What is there for each operator of its chain.
    pub operators: BTreeMap<OperatorId, OperatorRestore>,
    /// The subtask's vertex had finished: it has nothing to do, and its operators are not run.
    pub is_finished: bool,
}

/// What an operator of one subtask is restored from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorRestore {
    /// What holds key groups of the subtask's, and maybe others.
    pub keyed: Vec<KeyedStateHandle>,
    /// Operator state of old subtasks, by their index: of this one alone where that is all it
    /// needs, else of all, from which it takes its share (`sciurus_state::redistribute`).
    pub operator: BTreeMap<u32, OperatorStateHandle>,
    /// How many subtasks the operator had when the checkpoint was taken.
    pub old_parallelism: u32,
}
