//! How checkpoints of a job are taken and kept.

use std::time::Duration;

use sciurus_core::checkpoint::Alignment;
use sciurus_core::config::options::checkpointing::{
    self as options, ExternalizedCheckpointRetention,
};
use sciurus_core::config::options::web;
use sciurus_core::config::{ConfigError, Configuration};

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

impl CheckpointingOptions {
    /// Reads the options off a configuration.
    ///
    /// # Errors
    /// Where one has no or no legal value.
    pub fn from_configuration(configuration: &Configuration) -> Result<Self, ConfigError> {
        let interval = configuration.get_optional(&options::INTERVAL)?;
        let min_pause = configuration.get(&options::MIN_PAUSE)?;
        let retention = configuration.get(&options::EXTERNALIZED_CHECKPOINT_RETENTION)?;
        Ok(Self {
            interval: interval.filter(|interval: &Duration| !interval.is_zero()),
            alignment: configuration.get(&options::MODE)?.into(),
            timeout: configuration.get(&options::TIMEOUT)?,
            min_pause,
            // A pause between checkpoints means one at a time.
            max_concurrent: match configuration.get(&options::MAX_CONCURRENT_CHECKPOINTS)? {
                _ if !min_pause.is_zero() => 1,
                checkpoints => checkpoints,
            },
            tolerable_failures: configuration.get(&options::TOLERABLE_FAILED_CHECKPOINTS)?,
            retention: retention.into(),
            retained: configuration.get(&options::NUM_RETAINED)?,
            directory: configuration.get_optional(&options::DIR)?,
            savepoint_directory: configuration.get_optional(&options::SAVEPOINT_DIR)?,
            after_tasks_finish: configuration.get(&options::CHECKPOINTS_AFTER_TASKS_FINISH)?,
            history_size: configuration.get(&web::CHECKPOINTS_HISTORY_SIZE)?,
        })
    }
}

impl From<ExternalizedCheckpointRetention> for CheckpointRetention {
    fn from(retention: ExternalizedCheckpointRetention) -> Self {
        match retention {
            ExternalizedCheckpointRetention::NoExternalizedCheckpoints => Self::Never,
            ExternalizedCheckpointRetention::DeleteOnCancellation => Self::OnFailure,
            ExternalizedCheckpointRetention::RetainOnCancellation => Self::OnCancellation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> CheckpointingOptions {
        let configuration = Configuration::from_pairs(pairs.iter().copied());
        CheckpointingOptions::from_configuration(&configuration).unwrap()
    }

    #[test]
    fn without_settings_they_are_flink_s() {
        assert_eq!(read(&[]), CheckpointingOptions::default());
        assert_eq!(read(&[("execution.checkpointing.interval", "0")]).interval, None);
    }

    #[test]
    fn settings_are_read() {
        let options = read(&[
            ("execution.checkpointing.interval", "2 s"),
            ("execution.checkpointing.mode", "AT_LEAST_ONCE"),
            ("execution.checkpointing.max-concurrent-checkpoints", "3"),
            ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
            ("state.checkpoints.dir", "file:///checkpoints"),
            ("state.savepoints.dir", "file:///savepoints"),
        ]);
        let expected = CheckpointingOptions {
            interval: Some(Duration::from_secs(2)),
            alignment: Alignment::AtLeastOnce,
            max_concurrent: 3,
            retention: CheckpointRetention::OnCancellation,
            directory: Some("file:///checkpoints".to_owned()),
            savepoint_directory: Some("file:///savepoints".to_owned()),
            ..CheckpointingOptions::default()
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn with_a_pause_there_is_one_at_a_time() {
        let options = read(&[
            ("execution.checkpointing.min-pause", "1 s"),
            ("execution.checkpointing.max-concurrent-checkpoints", "3"),
        ]);
        assert_eq!(options.max_concurrent, 1);
    }
}
