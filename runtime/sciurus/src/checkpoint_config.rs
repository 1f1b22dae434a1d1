//! How a job's checkpoints are taken and kept, as its program sets it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::config::Configuration;
use sciurus_core::config::options::checkpointing::{
    self as options, CheckpointingMode, ExternalizedCheckpointRetention,
};

/// The settings of a job's checkpoints: a handle to those of its
/// [`StreamExecutionEnvironment`](crate::StreamExecutionEnvironment). What is set here wins over what
/// the job is submitted with.
#[derive(Clone, Debug)]
pub struct CheckpointConfig {
    configuration: Arc<Mutex<Configuration>>,
}

impl CheckpointConfig {
    pub(crate) fn new(configuration: Arc<Mutex<Configuration>>) -> Self {
        Self { configuration }
    }

    /// Sets the time between two checkpoints (`execution.checkpointing.interval`).
    pub fn set_checkpoint_interval(&self, interval: Duration) -> &Self {
        self.configuration.lock().set(&options::INTERVAL, &interval);
        self
    }

    /// Sets whether a record counts exactly once in state, or at least once
    /// (`execution.checkpointing.mode`).
    pub fn set_checkpointing_consistency_mode(&self, mode: CheckpointingMode) -> &Self {
        self.configuration.lock().set(&options::MODE, &mode);
        self
    }

    /// Sets the time after which a checkpoint that isn't complete is given up
    /// (`execution.checkpointing.timeout`).
    pub fn set_checkpoint_timeout(&self, timeout: Duration) -> &Self {
        self.configuration.lock().set(&options::TIMEOUT, &timeout);
        self
    }

    /// Sets the shortest time from the end of a checkpoint to the next
    /// (`execution.checkpointing.min-pause`).
    pub fn set_min_pause_between_checkpoints(&self, pause: Duration) -> &Self {
        self.configuration.lock().set(&options::MIN_PAUSE, &pause);
        self
    }

    /// Sets how many checkpoints may be under way at the same time
    /// (`execution.checkpointing.max-concurrent-checkpoints`).
    pub fn set_max_concurrent_checkpoints(&self, checkpoints: u32) -> &Self {
        self.configuration.lock().set(&options::MAX_CONCURRENT_CHECKPOINTS, &checkpoints);
        self
    }

    /// Sets how many checkpoints may fail one after the other before the job fails
    /// (`execution.checkpointing.tolerable-failed-checkpoints`).
    pub fn set_tolerable_checkpoint_failure_number(&self, failures: u32) -> &Self {
        self.configuration.lock().set(&options::TOLERABLE_FAILED_CHECKPOINTS, &failures);
        self
    }

    /// Sets whether checkpoints outlive a job that fails or is cancelled
    /// (`execution.checkpointing.externalized-checkpoint-retention`).
    pub fn set_externalized_checkpoint_retention(
        &self,
        retention: ExternalizedCheckpointRetention,
    ) -> &Self {
        self.configuration.lock().set(&options::EXTERNALIZED_CHECKPOINT_RETENTION, &retention);
        self
    }

    /// Sets the directory of checkpoints, a path or an address (`execution.checkpointing.dir`).
    pub fn set_checkpoint_storage(&self, directory: &str) -> &Self {
        self.configuration.lock().set(&options::DIR, &directory.to_owned());
        self
    }
}
