//! Checkpoints and savepoints: when they are taken, when they count, and when they go.

mod initial;
mod options;
mod request;
pub mod statistics;

pub use initial::{CompleteCheckpoint, InitialSavepoint, InitialState};
pub use options::{CheckpointRetention, CheckpointingOptions};
pub use request::{RequestFailure, RequestId, RequestOutcome};
pub use statistics::CheckpointStatistics;
