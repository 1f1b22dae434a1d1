//! What functions are given to restore and to keep state of their own.

use sciurus_core::BoxError;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::record::RowCodec;
use sciurus_state::operator::{BroadcastState, OperatorListState};
use sciurus_state::{OperatorBackend, StateError};

use crate::error::{TaskError, TaskResult};
use crate::operator::{OperatorContext, SubtaskInfo};

/// What a function is given before it is opened, to register operator state and to take up what was
/// restored of it; Flink's `FunctionInitializationContext`.
pub struct FunctionInitializationContext<'a> {
    context: &'a OperatorContext,
    state: &'a mut OperatorBackend,
}

impl<'a> FunctionInitializationContext<'a> {
    /// Makes the context of a function of the operator that `context` belongs to.
    pub(crate) fn new(context: &'a OperatorContext, state: &'a mut OperatorBackend) -> Self {
        Self { context, state }
    }

    /// Returns whether the job is restored from a checkpoint or savepoint. An operator that wasn't
    /// part of the job then has no state either.
    pub fn is_restored(&self) -> bool {
        self.context.state.is_restored()
    }

    /// Returns which of the operator's subtasks this is.
    pub fn task_info(&self) -> SubtaskInfo {
        self.context.subtask
    }

    /// Registers a list, with the items restored of it if there are any.
    ///
    /// # Errors
    /// As [`OperatorBackend::register`].
    pub fn register<T: RowCodec>(
        &mut self,
        list: &mut OperatorListState<T>,
    ) -> Result<(), StateError> {
        self.state.register(list)
    }

    /// Registers a map of which every subtask has all, with the entries restored of it if there are
    /// any.
    ///
    /// # Errors
    /// As [`OperatorBackend::register_broadcast`].
    pub fn register_broadcast<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        map: &mut BroadcastState<K, V>,
    ) -> Result<(), StateError> {
        self.state.register_broadcast(map)
    }

    /// Returns where the operator state is.
    pub fn operator_state(&mut self) -> &mut OperatorBackend {
        self.state
    }
}

/// What a function is given when a checkpoint is taken, to bring its operator state up to date;
/// Flink's `FunctionSnapshotContext`.
pub struct FunctionSnapshotContext<'a> {
    checkpoint: CheckpointId,
    state: &'a mut OperatorBackend,
}

impl<'a> FunctionSnapshotContext<'a> {
    /// Makes the context of one checkpoint.
    pub(crate) fn new(checkpoint: CheckpointId, state: &'a mut OperatorBackend) -> Self {
        Self { checkpoint, state }
    }

    /// Returns which checkpoint is taken.
    pub fn checkpoint_id(&self) -> CheckpointId {
        self.checkpoint
    }

    /// Returns where the operator state is.
    pub fn operator_state(&mut self) -> &mut OperatorBackend {
        self.state
    }
}

/// Calls a function's `initialize_state`.
pub(crate) fn initialize<F>(
    function: &mut F,
    context: &OperatorContext,
    state: &mut OperatorBackend,
    call: impl FnOnce(&mut F, &mut FunctionInitializationContext<'_>) -> Result<(), BoxError>,
) -> TaskResult {
    let mut context = FunctionInitializationContext::new(context, state);
    call(function, &mut context).map_err(TaskError::user)
}
