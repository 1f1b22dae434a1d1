//! Checkpoints and savepoints: when they are taken, when they count, and when they go.

mod completed;
mod coordinator;
mod failure;
mod initial;
mod options;
mod pending;
mod plan;
mod request;
mod shared_state;
pub mod statistics;

pub(crate) use coordinator::{CheckpointCoordinator, RestorePoint};
pub use failure::CheckpointFailure;
pub use initial::{CompleteCheckpoint, InitialSavepoint, InitialState};
pub use options::{CheckpointRetention, CheckpointingOptions};
pub(crate) use plan::Tasks;
pub use request::{RequestFailure, RequestId, RequestOutcome};
pub use statistics::CheckpointStatistics;
