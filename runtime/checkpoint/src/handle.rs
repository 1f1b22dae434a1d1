//! Where the state of a subtask lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sciurus_core::ids::OperatorId;
use sciurus_core::key::KeyGroupRange;

/// A file in checkpoint storage, whole and durable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateFile {
    /// Its URL.
    pub url: Arc<str>,
    /// How many bytes it has.
    pub bytes: u64,
    /// XXH3-64 of them.
    pub checksum: u64,
}

/// Bytes of state: by themselves where they are few, else in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateData {
    /// The bytes, which lie in the checkpoint's metadata.
    Inline(Bytes),
    /// A file that belongs to this checkpoint alone.
    File(StateFile),
}

impl StateData {
    /// Returns how many bytes it is.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::File(file) => file.bytes,
        }
    }

    /// Returns its file, if it has one.
    pub fn file(&self) -> Option<&StateFile> {
        match self {
            Self::Inline(_) => None,
            Self::File(file) => Some(file),
        }
    }
}

/// Keyed state and timers of a range of key groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyedStateHandle {
    /// A keyed state snapshot (docs/formats.md), which every backend reads.
    Snapshot {
        /// The key groups it holds.
        range: KeyGroupRange,
        /// The snapshot.
        data: StateData,
    },
    /// The files of a backend that writes only what is new.
    Incremental {
        /// The key groups it holds.
        range: KeyGroupRange,
        /// What the backend has to know of the files: its own form.
        metadata: StateData,
        /// Files that other checkpoints may refer to as well, by the names that the backend knows
        /// them by.
        shared: BTreeMap<String, StateFile>,
        /// Files of this checkpoint alone, by the same.
        private: BTreeMap<String, StateData>,
    },
}

impl KeyedStateHandle {
    /// Returns the key groups it holds.
    pub fn range(&self) -> KeyGroupRange {
        match self {
            Self::Snapshot { range, .. } | Self::Incremental { range, .. } => *range,
        }
    }

    /// Returns how many bytes the state is.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Snapshot { data, .. } => data.bytes(),
            Self::Incremental { metadata, shared, private, .. } => {
                let shared: u64 = shared.values().map(|file| file.bytes).sum();
                let private: u64 = private.values().map(StateData::bytes).sum();
                metadata.bytes() + shared + private
            }
        }
    }

    /// Calls for each file that it refers to.
    pub fn for_each_file<'a>(&'a self, call: &mut dyn FnMut(&'a StateFile)) {
        match self {
            Self::Snapshot { data, .. } => data.file().into_iter().for_each(call),
            Self::Incremental { metadata, shared, private, .. } => {
                let private = private.values().filter_map(StateData::file);
                metadata.file().into_iter().chain(shared.values()).chain(private).for_each(call);
            }
        }
    }

    /// Returns the files that other checkpoints may refer to as well.
    pub fn shared_files(&self) -> impl Iterator<Item = &StateFile> {
        let shared = match self {
            Self::Snapshot { .. } => None,
            Self::Incremental { shared, .. } => Some(shared),
        };
        shared.into_iter().flat_map(BTreeMap::values)
    }
}

/// Operator state of a subtask: an operator state snapshot (docs/formats.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorStateHandle {
    /// The snapshot.
    pub data: StateData,
    /// Whether it has lists that every subtask is given whole or that all have alike, so that those
    /// of all may be needed for one.
    pub has_union: bool,
}

/// The state of one operator of one subtask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorSubtaskState {
    /// Keyed state and timers.
    pub keyed: Option<KeyedStateHandle>,
    /// Operator state.
    pub operator: Option<OperatorStateHandle>,
}

impl OperatorSubtaskState {
    /// Returns how many bytes the state is.
    pub fn bytes(&self) -> u64 {
        let keyed = self.keyed.as_ref().map_or(0, KeyedStateHandle::bytes);
        keyed + self.operator.as_ref().map_or(0, |operator| operator.data.bytes())
    }

    /// Calls for each file that it refers to.
    pub fn for_each_file<'a>(&'a self, call: &mut dyn FnMut(&'a StateFile)) {
        if let Some(keyed) = &self.keyed {
            keyed.for_each_file(call);
        }
        if let Some(file) = self.operator.as_ref().and_then(|operator| operator.data.file()) {
            call(file);
        }
    }
}

/// What a subtask has of a checkpoint: the state of each operator of its chain that has any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubtaskState {
    /// By operator.
    pub operators: BTreeMap<OperatorId, OperatorSubtaskState>,
}

impl SubtaskState {
    /// Returns how many bytes the state is.
    pub fn bytes(&self) -> u64 {
        self.operators.values().map(OperatorSubtaskState::bytes).sum()
    }
}

/// How a task fared with a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCheckpointMetrics {
    /// Milliseconds for which the task stood still to take its snapshot.
    pub sync_ms: u64,
    /// Milliseconds in which the snapshot was written behind its back.
    pub async_ms: u64,
    /// Milliseconds from the first barrier of its channels to the last.
    pub alignment_ms: u64,
    /// Milliseconds from the trigger to the first barrier.
    pub start_delay_ms: u64,
    /// Bytes of records that were processed during the alignment.
    pub processed_bytes: u64,
    /// Bytes of records that lie in the checkpoint: none where it is aligned.
    pub persisted_bytes: u64,
    /// Bytes written for this checkpoint: less than the state where it refers to earlier files.
    pub written_bytes: u64,
}

/// What a task acknowledges a checkpoint with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskAcknowledgement {
    /// Its state.
    pub state: SubtaskState,
    /// How it fared.
    pub metrics: TaskCheckpointMetrics,
}
