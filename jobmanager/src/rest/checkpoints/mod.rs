//! Checkpoints and savepoints of a job.
//!
//! Nothing takes checkpoints yet: statistics are those of a job without, and what is triggered
//! fails with that reason, in the forms that Flink's clients understand.

mod config;
mod statistics;
mod trigger;

pub use config::config;
pub use statistics::{checkpoints, details, subtasks};
pub use trigger::{
    checkpoint_status, disposal_status, dispose, savepoint_status, stop, trigger_checkpoint,
    trigger_savepoint,
};
