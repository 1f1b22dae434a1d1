//! Checkpoints and savepoints: what they hold ([`handle`], [`metadata`]) and in which bytes
//! ([`codec`]), where they lie ([`layout`], [`storage`], [`pointer`](mod@pointer)), which there are
//! ([`store`]), and who gets what of one ([`restore`]).
//!
//! Tasks write state files and acknowledge with handles of them; the job's master puts the handles
//! of all tasks into a checkpoint's metadata; a restored task is given the handles that it needs.

pub mod codec;
pub mod handle;
pub mod layout;
pub mod metadata;
pub mod pointer;
pub mod restore;
pub mod storage;
pub mod store;
#[cfg(test)]
mod tests;

pub use codec::MetadataError;
pub use handle::{
    KeyedStateHandle, OperatorStateHandle, OperatorSubtaskState, StateData, StateFile,
    SubtaskState, TaskAcknowledgement, TaskCheckpointMetrics,
};
pub use layout::CheckpointLayout;
pub use metadata::{CheckpointMetadata, OperatorRestore, OperatorState, SubtaskRestore};
pub use pointer::{CheckpointPointer, RetainedCheckpoint};
pub use restore::{RestoreError, RestorePlan};
pub use storage::{
    StateReader, StateWriter, Storage, StorageError, StorageErrorKind, StorageOptions, StorageUrl,
};
pub use store::{CheckpointStore, Deletion, LoadError, Verification};
