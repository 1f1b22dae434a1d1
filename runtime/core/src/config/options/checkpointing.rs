//! When checkpoints are taken, where they lie and how many are kept.

use std::time::Duration;

use crate::checkpoint::Alignment;
use crate::config::MemorySize;
use crate::config::choice::choice;

choice! {
    /// Chooses how often a record counts in the state that a checkpoint holds.
    pub enum CheckpointingMode {
        /// Once.
        ExactlyOnce = "EXACTLY_ONCE",
        /// Once, or again after a restart; no task waits for the barriers of all its inputs.
        AtLeastOnce = "AT_LEAST_ONCE",
    }
}

impl From<CheckpointingMode> for Alignment {
    fn from(mode: CheckpointingMode) -> Self {
        match mode {
            CheckpointingMode::ExactlyOnce => Self::ExactlyOnce,
            CheckpointingMode::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

choice! {
    /// Chooses what becomes of a job's checkpoints when it ends for good.
    pub enum ExternalizedCheckpointRetention {
        /// They are deleted.
        NoExternalizedCheckpoints = "NO_EXTERNALIZED_CHECKPOINTS",
        /// They are kept if the job fails, and deleted if it is cancelled.
        DeleteOnCancellation = "DELETE_ON_CANCELLATION",
        /// They are kept if the job fails or is cancelled.
        RetainOnCancellation = "RETAIN_ON_CANCELLATION",
    }
}

/// The largest part of state that may lie in a checkpoint's metadata.
const MAX_INLINE: MemorySize = MemorySize::from_mib(1);

super::options! {
    title: "Checkpoints";

    /// Time between the triggers of two checkpoints. Without it, or with 0, none are taken but
    /// those that a user asks for.
    INTERVAL: Duration = "execution.checkpointing.interval"
        .example("10 s");

    /// Whether a record counts exactly once in state, also after a restart, or at least once. With
    /// the latter no task waits for the barriers of all its inputs.
    MODE: CheckpointingMode = "execution.checkpointing.mode"
        .default(|| CheckpointingMode::ExactlyOnce);

    /// Time after which a checkpoint that isn't complete is given up.
    TIMEOUT: Duration = "execution.checkpointing.timeout"
        .default(|| Duration::from_secs(600))
        .rule("at least 10 ms", |timeout| timeout.as_millis() >= 10);

    /// Shortest time from the end of a checkpoint to the trigger of the next; with more than 0
    /// there is one at a time.
    MIN_PAUSE: Duration = "execution.checkpointing.min-pause"
        .default(|| Duration::ZERO);

    /// Number of checkpoints that may be under way at the same time.
    MAX_CONCURRENT_CHECKPOINTS: u32 = "execution.checkpointing.max-concurrent-checkpoints"
        .default(|| 1)
        .rule("at least 1", |checkpoints| *checkpoints >= 1);

    /// Number of checkpoints that may fail one after the other before the job fails.
    TOLERABLE_FAILED_CHECKPOINTS: u32 = "execution.checkpointing.tolerable-failed-checkpoints"
        .default(|| 0);

    /// Whether checkpoints outlive their job: never, if it fails, or also if it is cancelled. They
    /// never outlive one that has finished.
    EXTERNALIZED_CHECKPOINT_RETENTION: ExternalizedCheckpointRetention =
        "execution.checkpointing.externalized-checkpoint-retention"
        .default(|| ExternalizedCheckpointRetention::NoExternalizedCheckpoints);

    /// Number of complete checkpoints that are kept; the oldest goes first.
    NUM_RETAINED: usize = "execution.checkpointing.num-retained"
        .default(|| 1)
        .rule("at least 1", |checkpoints| *checkpoints >= 1)
        .deprecated_keys(&["state.checkpoints.num-retained"]);

    /// Directory of checkpoints, as a path or an address: `file:///…` on a disk that all processes
    /// see, or `s3://bucket/path`. Each job has a directory of its own below it, named by its id.
    DIR: String = "execution.checkpointing.dir"
        .deprecated_keys(&["state.checkpoints.dir", "state.backend.fs.checkpointdir"])
        .example("file:///var/lib/sciurus/checkpoints");

    /// Directory of savepoints where none is named for a savepoint, as a path or an address.
    SAVEPOINT_DIR: String = "execution.checkpointing.savepoint-dir"
        .deprecated_keys(&["state.savepoints.dir", "savepoints.state.backend.fs.dir"])
        .example("file:///var/lib/sciurus/savepoints");

    /// State up to this size lies in the checkpoint's metadata instead of a file of its own.
    DATA_INLINE_THRESHOLD: MemorySize = "execution.checkpointing.data-inline-threshold"
        .default(|| MemorySize::from_kib(20))
        .rule("at most 1 mb", |size| *size <= MAX_INLINE)
        .deprecated_keys(&["state.storage.fs.memory-threshold", "state.backend.fs.memory-threshold"]);

    /// Whether checkpoints go on when some tasks of the job have finished.
    CHECKPOINTS_AFTER_TASKS_FINISH: bool =
        "execution.checkpointing.checkpoints-after-tasks-finish"
        .default(|| true)
        .deprecated_keys(&["execution.checkpointing.checkpoints-after-tasks-finish.enabled"]);

    /// Whether a checkpoint writes only what is new since the last one, where the state backend
    /// can: `rocksdb` does.
    INCREMENTAL: bool = "execution.checkpointing.incremental"
        .default(|| false)
        .deprecated_keys(&["state.backend.incremental"]);

    /// Whether barriers overtake records. Sciurus doesn't do that yet and refuses `true`.
    UNALIGNED: bool = "execution.checkpointing.unaligned.enabled"
        .default(|| false)
        .rule("false, as barriers don't overtake records yet", |is_on| !is_on)
        .example("false")
        .deprecated_keys(&["execution.checkpointing.unaligned"]);
}
