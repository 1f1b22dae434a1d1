//! What a checkpoint holds.

use std::io::Read;

use sciurus_checkpoint::{
    CheckpointMetadata, KeyedStateHandle, LoadError, OperatorState, OperatorStateHandle, StateData,
    Storage, StorageError, Verification,
};
use sciurus_core::checkpoint::SnapshotKind;
use sciurus_core::ids::{JobId, OperatorId};
use sciurus_state::SnapshotError;
use sciurus_state::operator::{OperatorSnapshot, Redistribution};
use serde::Serialize;

use super::count::KeyedCounts;

/// Why a checkpoint can't be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It is none, or not whole.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A part of its state can't be read.
    #[error("the state of subtask {subtask} of '{operator}' can't be read: {reason}")]
    State {
        /// The operator's name.
        operator: String,
        /// Which of its subtasks.
        subtask: u32,
        /// Why not.
        reason: StateReason,
    },
}

/// Why state can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StateReason {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A checkpoint.
#[derive(Debug, Serialize)]
pub struct Report {
    pub path: String,
    pub kind: SnapshotKind,
    pub checkpoint_id: u64,
    pub job_id: JobId,
    pub job_name: String,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// Whoever deletes it: the user, or the job.
    pub owner: Owner,
    pub metadata_bytes: u64,
    pub state_bytes: u64,
    pub files: usize,
    pub keys: u64,
    pub operators: Vec<OperatorReport>,
}

/// Whoever deletes a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    User,
    Job,
}

/// What a checkpoint holds of an operator.
#[derive(Debug, Serialize)]
pub struct OperatorReport {
    pub id: OperatorId,
    pub uid: Option<String>,
    pub name: String,
    pub parallelism: u32,
    pub max_parallelism: u32,
    pub is_finished: bool,
    pub bytes: u64,
    pub enumerator_bytes: Option<u64>,
    pub keyed: Option<KeyedReport>,
    pub operator_states: Vec<ListReport>,
    pub subtasks: Vec<SubtaskReport>,
}

/// What one subtask has.
#[derive(Debug, Serialize)]
pub struct SubtaskReport {
    pub subtask: u32,
    /// The first key group and the last.
    pub key_groups: Option<(u32, u32)>,
    pub keyed_bytes: u64,
    pub operator_bytes: u64,
}

/// Keyed state of an operator.
#[derive(Debug, Default, Serialize)]
pub struct KeyedReport {
    /// In which forms it lies.
    pub forms: Vec<Form>,
    /// Keys that have any state; absent where files of a backend would have to be opened.
    pub keys: Option<u64>,
    pub timers: Option<u64>,
    pub states: Vec<StateReport>,
    pub shared_files: usize,
    pub shared_bytes: u64,
}

/// In which form keyed state lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// One that every backend reads.
    Canonical,
    /// Files of a backend: `RocksDB`.
    Files,
}

/// A keyed state.
#[derive(Debug, Clone, Serialize)]
pub struct StateReport {
    pub name: String,
    pub kind: &'static str,
    /// The type of the values, in Rust's words.
    pub type_name: String,
    /// Whether values expire.
    pub ttl: bool,
    pub keys: Option<u64>,
    /// Keys, counted in every window that they are in.
    pub entries: Option<u64>,
    pub bytes: Option<u64>,
}

/// A list of operator state.
#[derive(Debug, Serialize)]
pub struct ListReport {
    pub name: String,
    pub redistribution: &'static str,
    pub items: u64,
    pub bytes: u64,
}

/// Reads a checkpoint: its metadata, and all state whose keys can be counted.
pub fn read(storage: &Storage, path: &str) -> Result<Report, InspectError> {
    let (metadata, metadata_bytes) = storage.load_checkpoint(path, Verification::Files)?;
    let mut operators = Vec::with_capacity(metadata.operators.len());
    for operator in &metadata.operators {
        operators.push(read_operator(storage, operator)?);
    }
    let keyed = operators.iter().filter_map(|operator| operator.keyed.as_ref());
    let keys = keyed.filter_map(|keyed| keyed.keys).sum();
    let (state_bytes, files) = (metadata.bytes(), metadata.files().count());
    let CheckpointMetadata { job, job_name, id, kind, timestamp, exclusive, .. } = metadata;
    let owner = if kind.is_savepoint() { Owner::User } else { Owner::Job };
    Ok(Report {
        path: exclusive,
        kind,
        checkpoint_id: id.0,
        job_id: job,
        job_name,
        timestamp,
        owner,
        metadata_bytes,
        state_bytes,
        files,
        keys,
        operators,
    })
}

fn read_operator(
    storage: &Storage,
    operator: &OperatorState,
) -> Result<OperatorReport, InspectError> {
    let mut counts = KeyedCounts::default();
    let mut keyed = KeyedReport::default();
    let mut lists = Vec::new();
    let mut subtasks = Vec::new();
    for (subtask, state) in &operator.subtasks {
        let failed = |reason| InspectError::State {
            operator: operator.name.clone(),
            subtask: *subtask,
            reason,
        };
        match &state.keyed {
            Some(KeyedStateHandle::Snapshot { data, .. }) => {
                add_form(&mut keyed.forms, Form::Canonical);
                counts.add(storage, data).map_err(failed)?;
            }
            Some(handle) => {
                add_form(&mut keyed.forms, Form::Files);
                keyed.shared_files += handle.shared_files().count();
                keyed.shared_bytes += handle.shared_files().map(|file| file.bytes).sum::<u64>();
            }
            None => {}
        }
        if let Some(handle) = &state.operator {
            add_lists(storage, handle, &mut lists).map_err(failed)?;
        }
        let range = state.keyed.as_ref().map(KeyedStateHandle::range);
        subtasks.push(SubtaskReport {
            subtask: *subtask,
            key_groups: range
                .filter(|range| !range.is_empty())
                .map(|range| (range.start, range.end - 1)),
            keyed_bytes: state.keyed.as_ref().map_or(0, KeyedStateHandle::bytes),
            operator_bytes: state.operator.as_ref().map_or(0, |state| state.data.bytes()),
        });
    }
    if keyed.forms == [Form::Canonical] {
        (keyed.keys, keyed.timers) = (Some(counts.keys), Some(counts.timers));
    }
    keyed.states = counts.states;
    Ok(OperatorReport {
        id: operator.id,
        uid: operator.uid.clone(),
        name: operator.name.clone(),
        parallelism: operator.parallelism,
        max_parallelism: operator.max_parallelism,
        is_finished: operator.is_finished,
        bytes: operator.bytes(),
        enumerator_bytes: operator.enumerator.as_ref().map(|state| state.len() as u64),
        keyed: (!keyed.forms.is_empty()).then_some(keyed),
        operator_states: lists,
        subtasks,
    })
}

fn add_form(forms: &mut Vec<Form>, form: Form) {
    if !forms.contains(&form) {
        forms.push(form);
    }
}

fn add_lists(
    storage: &Storage,
    handle: &OperatorStateHandle,
    lists: &mut Vec<ListReport>,
) -> Result<(), StateReason> {
    let snapshot = OperatorSnapshot::from_bytes(&read_whole(storage, &handle.data)?)?;
    for state in snapshot.states {
        let redistribution = match state.redistribution {
            Redistribution::Split => "split",
            Redistribution::Union => "union",
            Redistribution::Broadcast => "broadcast",
        };
        let (items, bytes) = (state.items.len(), state.items.iter().map(Vec::len).sum::<usize>());
        let is_same = |list: &&mut ListReport| {
            list.name == state.name && list.redistribution == redistribution
        };
        if let Some(list) = lists.iter_mut().find(is_same) {
            list.items += items as u64;
            list.bytes += bytes as u64;
        } else {
            let (name, items, bytes) = (state.name, items as u64, bytes as u64);
            lists.push(ListReport { name, redistribution, items, bytes });
        }
    }
    Ok(())
}

fn read_whole(storage: &Storage, data: &StateData) -> Result<Vec<u8>, StateReason> {
    let mut bytes = Vec::new();
    storage.read_data(data)?.read_to_end(&mut bytes).map_err(SnapshotError::Io)?;
    Ok(bytes)
}
