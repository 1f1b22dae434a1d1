//! What the tasks of a process share to take checkpoints and to be restored from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sciurus_checkpoint::storage::{Storage, StorageOptions};
use sciurus_core::config::options::{checkpointing, taskmanager};
use sciurus_core::config::{ConfigError, Configuration, MemorySize};
use sciurus_core::ids::JobId;
use sciurus_state::{BackendError, BackendResources, StateBackendSettings};

use super::pool::WriterPool;

/// The most threads that write snapshots. They wait for disks and networks more than they compute.
const MAX_WRITERS: usize = 4;

/// How many snapshots of a task may be written at a time beyond the concurrent checkpoints: a
/// savepoint, and one that was given up and is about to notice.
const WRITES_BEYOND: usize = 2;

/// Why checkpoints can't be taken in this process.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointSetupError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state backend can't be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// What the tasks of a process share to take checkpoints and to be restored from them: access to
/// storage, the settings of state backends, and the threads that write.
#[derive(Debug)]
pub struct CheckpointServices {
    job: JobId,
    scratch: PathBuf,
    storage: Storage,
    backend: StateBackendSettings,
    inline_threshold: usize,
    is_periodic: bool,
    waits_at_end: bool,
    max_writes: usize,
    is_incremental: bool,
    pool: WriterPool,
}

impl CheckpointServices {
    /// Reads the settings of the job's `configuration`. What lies below the
    /// folder `scratch` is lost with the process: state backends work there.
    ///
    /// # Errors
    /// Where the configuration is wrong, the state backend isn't there.
    pub fn new(
        configuration: &Configuration,
        scratch: &Path,
        job: JobId,
    ) -> Result<Arc<Self>, CheckpointSetupError> {
        let interval = configuration.get_optional(&checkpointing::INTERVAL)?;
        let is_periodic = interval.is_some_and(|interval| interval > Duration::ZERO);
        let after_end = configuration.get(&checkpointing::CHECKPOINTS_AFTER_TASKS_FINISH)?;
        let concurrent = configuration.get(&checkpointing::MAX_CONCURRENT_CHECKPOINTS)?;
        let threshold = configuration.get(&checkpointing::DATA_INLINE_THRESHOLD)?;
        let resources = BackendResources {
            scratch: scratch.to_owned(),
            managed_bytes: managed_bytes(configuration)?,
            slots: configuration.get(&taskmanager::NUM_TASK_SLOTS)?,
        };
        let writers = thread::available_parallelism().map_or(1, usize::from).clamp(2, MAX_WRITERS);
        Ok(Arc::new(Self {
            job,
            scratch: scratch.to_owned(),
            storage: Storage::new(&StorageOptions::from_configuration(configuration)?),
            backend: StateBackendSettings::from_configuration(configuration, resources)?,
            inline_threshold: threshold.bytes() as usize,
            is_periodic,
            waits_at_end: is_periodic && after_end,
            max_writes: concurrent as usize + WRITES_BEYOND,
            is_incremental: configuration.get(&checkpointing::INCREMENTAL)?,
            pool: WriterPool::new(writers),
        }))
    }

    /// Returns the job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Returns the folder that state backends work in.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Returns what leads to checkpoint storage.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Returns which state backend is used.
    pub fn backend(&self) -> &StateBackendSettings {
        &self.backend
    }

    /// Returns whether checkpoints are taken regularly: what waits for them may wait.
    pub fn is_periodic(&self) -> bool {
        self.is_periodic
    }

    /// Returns whether a task stays after its last row until a checkpoint holds what it did.
    pub fn waits_at_end(&self) -> bool {
        self.waits_at_end
    }

    /// Returns up to how many bytes state lies in the checkpoint's metadata.
    pub(super) fn inline_threshold(&self) -> usize {
        self.inline_threshold
    }

    /// Returns how many snapshots of one task may be written at a time.
    pub(super) fn max_writes(&self) -> usize {
        self.max_writes
    }

    /// Returns whether checkpoints hold only what is new, where the backend can.
    pub(super) fn is_incremental(&self) -> bool {
        self.is_incremental
    }

    pub(super) fn pool(&self) -> &WriterPool {
        &self.pool
    }
}

/// Memory of a process of which no configuration says how much it has: Flink's default.
const DEFAULT_PROCESS_BYTES: u64 = 1728 << 20;

/// Returns the memory for state, over all slots.
fn managed_bytes(configuration: &Configuration) -> Result<u64, ConfigError> {
    let size = |option| configuration.get_optional(option).map(|size| size.map(MemorySize::bytes));
    if let Some(managed) = size(&taskmanager::MEMORY_MANAGED_SIZE)? {
        return Ok(managed);
    }
    let whole = size(&taskmanager::MEMORY_PROCESS_SIZE)?;
    let whole = whole.or(size(&taskmanager::MEMORY_FLINK_SIZE)?).unwrap_or(DEFAULT_PROCESS_BYTES);
    let fraction = configuration.get(&taskmanager::MEMORY_MANAGED_FRACTION)?;
    Ok((whole as f64 * fraction) as u64)
}
