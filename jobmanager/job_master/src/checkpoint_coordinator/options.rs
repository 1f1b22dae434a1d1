//! How checkpoints of a job are taken and kept.

use std::time::Duration;

use sciurus_core::checkpoint::Alignment;

/// What becomes of a job's checkpoints when it ends for good. Those of a job that finishes are
/// always deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CheckpointRetention {
    /// They are deleted.
    #[default]
    Never,
    /// They are kept if the job fails.
    OnFailure,
    /// They are kept if the job fails or is cancelled.
    OnCancellation,
}

/// Says how checkpoints of a job are taken and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointingOptions {
    /// The time between two triggers; without it none are taken but those that a user asks for.
    pub interval: Option<Duration>,
    /// Whether tasks wait for the barriers of all their channels.
    pub alignment: Alignment,
    /// How long a checkpoint may take.
    pub timeout: Duration,
    /// The shortest time from the end of a checkpoint to the trigger of the next.
    pub min_pause: Duration,
    /// How many may be under way at the same time.
    pub max_concurrent: u32,
    /// How many may fail one after the other before the job fails.
    pub tolerable_failures: u32,
    /// What becomes of them when the job ends.
    pub retention: CheckpointRetention,
    /// How many complete ones are kept, at least 1.
    pub retained: usize,
    /// The URL of the folder in which each job has one for its checkpoints.
    pub directory: Option<String>,
    /// The URL of the folder of savepoints for which none is named.
    pub savepoint_directory: Option<String>,
    /// Whether checkpoints are taken when some tasks have finished.
    pub after_tasks_finish: bool,
    /// How many checkpoints are shown (`web.checkpoints.history`).
    pub history_size: usize,
}

impl Default for CheckpointingOptions {
    /// Returns Flink's defaults: no checkpoints but those that a user asks for.
    fn default() -> Self {
        Self {
            interval: None,
            alignment: Alignment::ExactlyOnce,
            timeout: Duration::from_secs(600),
            min_pause: Duration::ZERO,
            max_concurrent: 1,
            tolerable_failures: 0,
            retention: CheckpointRetention::Never,
            retained: 1,
            directory: None,
            savepoint_directory: None,
            after_tasks_finish: true,
            history_size: 10,
        }
    }
}
