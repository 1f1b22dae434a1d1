//! What a task and its operators have to do with checkpoints.

mod pool;
mod restore;
mod services;
mod write;
mod writes;

use std::fmt;

use sciurus_checkpoint::TaskAcknowledgement;
use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId};
use sciurus_core::ids::{JobId, OperatorId};
use sciurus_state::{BackendConfig, KeyedBackend, KeyedSnapshot, OperatorSnapshot};

pub use restore::{StoredState, known_files};
pub use services::{CheckpointServices, CheckpointSetupError};
pub use writes::{KnownFiles, SnapshotWrites, TaskSnapshot};

use crate::error::TaskResult;

/// What an operator puts its part of a checkpoint into.
#[derive(Debug)]
pub struct SnapshotContext<'a> {
    /// The barrier that has arrived.
    pub barrier: &'a CheckpointBarrier,
    /// Keyed state and timers, as they are now; written behind the task's back.
    pub keyed: Option<KeyedSnapshot>,
    /// Operator state.
    pub operator: Option<OperatorSnapshot>,
}

impl<'a> SnapshotContext<'a> {
    /// Starts without any state.
    pub fn new(barrier: &'a CheckpointBarrier) -> Self {
        Self { barrier, keyed: None, operator: None }
    }
}

/// What an operator of a task has put into a checkpoint.
#[derive(Debug)]
pub struct OperatorPart {
    /// Under which id the operator's state is kept.
    pub id: OperatorId,
    /// Keyed state and timers.
    pub keyed: Option<KeyedSnapshot>,
    /// Operator state.
    pub operator: Option<OperatorSnapshot>,
}

/// Makes the state of one operator of one subtask: with what it is restored from, if it is.
pub trait StateProvider: Send + Sync + fmt::Debug {
    /// Makes the keyed state backend, with the key groups of `config` as they were.
    ///
    /// # Errors
    /// Where the backend can't be made or its state can't be read.
    fn keyed_backend(&self, config: BackendConfig) -> TaskResult<KeyedBackend>;

    /// Returns the subtask's share of the operator state, `None` where the operator starts anew.
    ///
    /// # Errors
    /// Where it can't be read.
    fn operator_state(&self) -> TaskResult<Option<OperatorSnapshot>>;

    /// Returns whether the operator is restored from a checkpoint.
    fn is_restored(&self) -> bool;

    /// Returns whether checkpoints are taken, so that effects can wait for them.
    fn is_checkpointed(&self) -> bool;

    /// Returns what tells the operator from all others, in this job and in every other; `None`
    /// where nobody knows. Operators that leave something outside of their state, such as files
    /// that are being written, name it so that a later attempt finds what is its own.
    fn owner(&self) -> Option<StateOwner> {
        None
    }
}

/// An operator of a job, for as long as the job is the same: over restarts and rescaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateOwner {
    /// The job.
    pub job: JobId,
    /// The operator.
    pub operator: OperatorId,
}

/// State that starts anew, in memory, of which no checkpoints are taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct FreshState;

impl StateProvider for FreshState {
    fn keyed_backend(&self, config: BackendConfig) -> TaskResult<KeyedBackend> {
        Ok(KeyedBackend::heap(config))
    }

    fn operator_state(&self) -> TaskResult<Option<OperatorSnapshot>> {
        Ok(None)
    }

    fn is_restored(&self) -> bool {
        false
    }

    fn is_checkpointed(&self) -> bool {
        false
    }
}

/// How a task answers whoever coordinates checkpoints; called from its thread and others.
pub trait CheckpointResponder: Send + Sync {
    /// The task's part of a checkpoint is durable.
    fn acknowledge(&self, checkpoint: CheckpointId, acknowledgement: TaskAcknowledgement);

    /// The task can't take part in a checkpoint, for this reason; it goes on.
    fn decline(&self, checkpoint: CheckpointId, reason: String);

    /// All input has ended and was processed: but for a last checkpoint the task is done.
    fn end_of_data(&self);
}
