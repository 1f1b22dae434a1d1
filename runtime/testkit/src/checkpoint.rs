//! Checkpoints of an operator, in memory.

use std::io::Cursor;
use std::sync::Arc;

use sciurus_core::checkpoint::{Alignment, CheckpointBarrier, CheckpointId, SnapshotKind};
use sciurus_engine::checkpoint::{OperatorPart, StateProvider};
use sciurus_engine::{TaskError, TaskResult};
use sciurus_state::operator::redistribute;
use sciurus_state::{
    BackendConfig, KeyedBackend, KeyedStateBackend, OperatorSnapshot, SnapshotReader,
};

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

    /// Returns where subtask `index` of `parallelism` gets its state from.
    pub(crate) fn share(&self, index: u32, parallelism: u32) -> RestoredState {
        let mut shares = redistribute(&self.operator, parallelism as usize);
        let operator = shares.swap_remove(index as usize);
        RestoredState { keyed: self.keyed.clone(), operator }
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

/// The state of a subtask that is restored.
#[derive(Debug)]
pub(crate) struct RestoredState {
    keyed: Vec<Arc<[u8]>>,
    operator: OperatorSnapshot,
}

impl StateProvider for RestoredState {
    fn keyed_backend(&self, config: BackendConfig) -> TaskResult<KeyedBackend> {
        let mut backend = KeyedBackend::heap(config);
        for bytes in &self.keyed {
            let mut reader = SnapshotReader::open(Cursor::new(&bytes[..]))
                .map_err(|error| TaskError::user(error.into()))?;
            backend.restore(&mut reader).map_err(|error| TaskError::user(error.into()))?;
        }
        Ok(backend)
    }

    fn operator_state(&self) -> TaskResult<Option<OperatorSnapshot>> {
        Ok(Some(self.operator.clone()))
    }

    fn is_restored(&self) -> bool {
        true
    }

    fn is_checkpointed(&self) -> bool {
        true
    }
}
