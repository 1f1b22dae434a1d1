//! Checkpoints and savepoints: what they hold ([`handle`], [`metadata`]).
//!
//! Tasks write state files and acknowledge with handles of them; the job's master puts the handles
//! of all tasks into a checkpoint's metadata; a restored task is given the handles that it needs.

pub mod handle;
pub mod metadata;
pub mod pointer;

pub use handle::{
    KeyedStateHandle, OperatorStateHandle, OperatorSubtaskState, StateData, StateFile,
    SubtaskState, TaskAcknowledgement, TaskCheckpointMetrics,
};
pub use metadata::{CheckpointMetadata, OperatorRestore, OperatorState, SubtaskRestore};
pub use pointer::CheckpointPointer;
