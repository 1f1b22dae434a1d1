//! What a job that is run by hand has for its checkpoints: where they lie, how they are taken, and
//! what it starts from.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use sciurus_checkpoint::{CheckpointStore, Storage, StorageOptions, StorageUrl, Verification};
use sciurus_core::config::Configuration;
use sciurus_core::config::options::{checkpointing, client, cluster};
use sciurus_core::ids::JobId;
use sciurus_engine::checkpoint::CheckpointServices;
use sciurus_job_master::checkpoint_coordinator::{
    CheckpointingOptions, InitialSavepoint, InitialState,
};

use crate::error::JobError;

/// What a job that is run by hand has for its checkpoints.
pub(super) struct Checkpointing {
    pub(super) options: CheckpointingOptions,
    pub(super) initial: InitialState,
    pub(super) store: CheckpointStore,
    /// What its tasks need.
    pub(super) services: Arc<CheckpointServices>,
    pub(super) scratch: Scratch,
}

/// A folder of the job's own, which goes with it. It is made by whoever writes there first.
pub(super) struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Mostly nobody has written there.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Scratch {
    fn new(configuration: &Configuration) -> Result<Self, JobError> {
        let directories = configuration.get_optional(&cluster::TMP_DIRS)?;
        let first = directories.as_deref().and_then(|text| text.split([',', ':']).next());
        let parent = match first.map(str::trim) {
            None | Some("") => env::temp_dir(),
            Some(directory) => PathBuf::from(directory),
        };
        let name = format!("sciurus-{}-{:016x}", process::id(), fastrand::u64(..));
        Ok(Self(std::path::absolute(parent.join(name)).map_err(|error| JobError::System {
            action: "find the folder for temporary files",
            reason: error.to_string(),
        })?))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Checkpointing {
    /// Prepares a job's checkpoints by its configuration.
    ///
    /// # Errors
    /// [`JobError`] where a setting can't be used, or what the job is to start from can't be read.
    pub(super) fn prepare(configuration: &Configuration, job: JobId) -> Result<Self, JobError> {
        let wrong = |error: &dyn std::fmt::Display| JobError::Checkpoints(error.to_string());
        let scratch = Scratch::new(configuration)?;
        let storage = Storage::new(&StorageOptions::from_configuration(configuration)?);
        let directory = match configuration.get_optional(&checkpointing::DIR)? {
            Some(directory) => directory,
            // They go with the job.
            None => scratch.path().join("checkpoints").to_string_lossy().into_owned(),
        };
        let directory = StorageUrl::parse(&directory).map_err(|error| wrong(&error))?.to_string();
        let store = CheckpointStore::new(storage.clone(), &directory, job);
        let store = store.map_err(|error| wrong(&error))?;
        // What isn't there yet is refused by its rule.
        configuration.get(&checkpointing::UNALIGNED)?;
        let mut options = CheckpointingOptions::from_configuration(configuration)?;
        options.directory = Some(directory);
        let services = CheckpointServices::new(configuration, &scratch.path().join("state"), job);
        let services = services.map_err(|error| wrong(&error))?;
        let savepoint = initial_savepoint(configuration, &storage)?;
        let initial = InitialState { savepoint, ..InitialState::default() };
        Ok(Self { options, initial, store, services, scratch })
    }
}

/// Loads what the user wants the job to start from, if there is something.
fn initial_savepoint(
    configuration: &Configuration,
    storage: &Storage,
) -> Result<Option<InitialSavepoint>, JobError> {
    let Some(path) = configuration.get_optional(&client::STATE_RECOVERY_PATH)? else {
        return Ok(None);
    };
    let loaded = storage.load_checkpoint(&path, Verification::Files);
    let (metadata, bytes) = loaded.map_err(|error| JobError::Checkpoints(error.to_string()))?;
    Ok(Some(InitialSavepoint::new(metadata, bytes, configuration)?))
}
