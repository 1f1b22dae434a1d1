//! Checkpoints and savepoints of a job: what there were, and those that clients trigger.

mod checkpoint;
mod config;
mod details;
mod spread;
mod statistics;
#[cfg(test)]
mod test_data;
mod trigger;

pub use config::config;
pub use details::{details, subtasks};
pub use spread::Spread;
pub use statistics::checkpoints;
pub use trigger::{
    checkpoint_status, disposal_status, dispose, savepoint_status, stop, trigger_checkpoint,
    trigger_savepoint,
};
