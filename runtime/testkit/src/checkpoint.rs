//! Checkpoints of an operator, in memory.

use std::io::Cursor;
use std::sync::Arc;

use sciurus_core::checkpoint::{Alignment, CheckpointBarrier, CheckpointId, SnapshotKind};
use sciurus_engine::checkpoint::{OperatorPart, StateProvider};
use sciurus_engine::{TaskError, TaskResult};
use sciurus_state::operator::redistribute;
use sciurus_state::settings::{RestoreInput, StateBackendSettings};
use sciurus_state::{BackendConfig, KeyedBackend, OperatorSnapshot};

use crate::options::HarnessOptions;

/// What all subtasks of an operator have put into a checkpoint, in the form in which it lies in
/// storage: keyed state is read back by key groups, operator state is shared out anew.
#[derive(Debug, Clone, Default)]
pub struct OperatorCheckpoint {
    keyed: Vec<Arc<[u8]>>,
    operator: Vec<OperatorSnapshot>,
}

impl OperatorCheckpoint {
    /// Adds what the next subtask has put into the checkpoint.
    pub(crate) fn add(&mut self, parts: Vec<OperatorPart>) -> TaskResult {
        let mut operator = OperatorSnapshot::default();
        for part in parts {
            if let Some(keyed) = part.keyed {
                let mut bytes = Vec::new();
                keyed.write(&mut bytes).map_err(|error| TaskError::user(error.into()))?;
                self.keyed.push(bytes.into());
            }
            if let Some(part) = part.operator {
                let bytes = part.to_bytes().map_err(|error| TaskError::user(error.into()))?;
                operator = OperatorSnapshot::from_bytes(&bytes)
                    .map_err(|error| TaskError::user(error.into()))?;
            }
        }
        self.operator.push(operator);
        Ok(())
    }

    /// Returns the operator state of the subtasks, in their order.
    pub fn operator_state(&self) -> &[OperatorSnapshot] {
        &self.operator
    }

    /// Returns how many bytes of keyed state there are.
    pub fn keyed_bytes(&self) -> usize {
        self.keyed.iter().map(|bytes| bytes.len()).sum()
    }

    /// Returns where a subtask gets its state from.
    pub(crate) fn share(&self, options: &HarnessOptions) -> HarnessState {
        let mut shares = redistribute(&self.operator, options.parallelism as usize);
        let operator = shares.swap_remove(options.subtask as usize);
        HarnessState {
            settings: options.state_backend,
            restored: Some((self.keyed.clone(), operator)),
        }
    }
}

/// The barrier of checkpoint `id`.
pub(crate) fn barrier(id: u64) -> CheckpointBarrier {
    CheckpointBarrier {
        id: CheckpointId(id),
        timestamp: 0,
        kind: SnapshotKind::Checkpoint,
        alignment: Alignment::ExactlyOnce,
        exclusive: String::new(),
        shared: None,
    }
}

/// The state of a subtask of a harness.
#[derive(Debug)]
pub(crate) struct HarnessState {
    settings: &'static StateBackendSettings,
    /// What there is of keyed state, and the subtask's share of the operator state.
    restored: Option<(Vec<Arc<[u8]>>, OperatorSnapshot)>,
}

impl HarnessState {
    /// State that starts anew.
    pub(crate) fn new(settings: &'static StateBackendSettings) -> Self {
        Self { settings, restored: None }
    }
}

impl StateProvider for HarnessState {
    fn keyed_backend(&self, config: BackendConfig) -> TaskResult<KeyedBackend> {
        let keyed = self.restored.iter().flat_map(|(keyed, _)| keyed);
        let inputs =
            keyed.map(|bytes| RestoreInput::Snapshot(Box::new(Cursor::new(bytes.clone()))));
        KeyedBackend::create(self.settings, config, inputs.collect())
            .map_err(|error| TaskError::user(error.into()))
    }

    fn operator_state(&self) -> TaskResult<Option<OperatorSnapshot>> {
        Ok(self.restored.as_ref().map(|(_, operator)| operator.clone()))
    }

    fn is_restored(&self) -> bool {
        self.restored.is_some()
    }

    fn is_checkpointed(&self) -> bool {
        self.restored.is_some()
    }
}
