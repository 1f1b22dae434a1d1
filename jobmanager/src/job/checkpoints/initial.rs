//! What a job's configuration says about its checkpoints, and what the job starts from.

use std::path::Path;
use std::sync::Arc;

use sciurus_checkpoint::restore::{self, RestoreError};
use sciurus_checkpoint::{
    CheckpointMetadata, CheckpointStore, LoadError, RetainedCheckpoint, Storage, StorageError,
    StorageOptions, StorageUrl, Verification,
};
use sciurus_core::config::options::{checkpointing, client};
use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::JobId;
use sciurus_job_master::checkpoint_coordinator::{
    CheckpointingOptions, CompleteCheckpoint, InitialSavepoint, InitialState,
};

use crate::ha::{HaStore, RecoveredCheckpoints};

/// How a job's checkpoints are taken, where they lie, and what the job starts from.
pub(crate) struct CheckpointSetup {
    pub(crate) options: CheckpointingOptions,
    pub(crate) initial: InitialState,
    pub(crate) store: CheckpointStore,
    /// The checkpoints of an earlier life.
    pub(crate) retained: Vec<RetainedCheckpoint>,
}

/// Says why a job can't have checkpoints, or can't start from one.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointSetupError {
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory of checkpoints can't be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What the user wants the job to start from can't be read.
    #[error(transparent)]
    Savepoint(LoadError),
    /// What the user wants the job to start from doesn't fit it.
    #[error("the job can't start from {path}: {error}")]
    Unfit {
        /// The folder of the savepoint or checkpoint.
        path: String,
        /// Why, and how to go on.
        error: RestoreError,
    },
    /// The job's own checkpoints can't be looked at.
    #[error(transparent)]
    Recovery(#[from] LoadError),
    /// The job had checkpoints, and without them it would begin anew.
    #[error(
        "none of the job's checkpoints in {folder} can be used: it is not run again, as it would \
         begin anew; submit it again, from a savepoint if there is one"
    )]
    NoneUsable {
        /// Where they should lie.
        folder: String,
    },
}

impl CheckpointSetupError {
    /// Says whether the same may succeed a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_transient(),
            Self::Savepoint(error) => error.is_transient(),
            Self::Recovery(_) => true,
            Self::Config(_) | Self::Unfit { .. } | Self::NoneUsable { .. } => false,
        }
    }

    /// Says whether whoever submits the job is at fault.
    pub(crate) fn is_of_submission(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Savepoint(_) | Self::Unfit { .. })
    }
}

impl CheckpointSetup {
    /// Checks that the savepoint that the job is to start from fits its graph, so that whoever
    /// submits it hears of it.
    ///
    /// # Errors
    /// [`CheckpointSetupError::Unfit`].
    pub(crate) fn check(&self, graph: &JobGraph) -> Result<(), CheckpointSetupError> {
        let Some(savepoint) = &self.initial.savepoint else { return Ok(()) };
        let metadata = &savepoint.checkpoint.metadata;
        match restore::plan(metadata, graph, savepoint.allow_non_restored) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(CheckpointSetupError::Unfit { path: metadata.exclusive.clone(), error })
            }
        }
    }

    /// Finds out how a job's checkpoints are taken and what it starts from: the checkpoints of an
    /// earlier life, else the savepoint that its configuration names. `is_found` says whether an
    /// earlier JobManager had accepted the job. Waits for storage.
    ///
    /// # Errors
    /// [`CheckpointSetupError`].
    pub(crate) fn read(
        configuration: &Configuration,
        job: JobId,
        ha: Option<&HaStore>,
        is_found: bool,
        tmp_dir: &Path,
    ) -> Result<Self, CheckpointSetupError> {
        let storage = Storage::new(&StorageOptions::from_configuration(configuration)?);
        // What isn't there yet is refused by its rule.
        configuration.get(&checkpointing::UNALIGNED)?;
        let mut options = CheckpointingOptions::from_configuration(configuration)?;
        let directory = configuration.get_optional(&checkpointing::DIR)?.unwrap_or_else(|| {
            let directory = tmp_dir.join("checkpoints").to_string_lossy().into_owned();
            if options.interval.is_some() {
                tracing::warn!(
                    %job,
                    "execution.checkpointing.dir isn't set: the job's checkpoints go to \
                     {directory}, which only this machine sees"
                );
            }
            directory
        });
        let directory = StorageUrl::parse(&directory)?.to_string();
        let store = CheckpointStore::new(storage.clone(), &directory, job)?;
        options.directory = Some(directory);
        let recovered = match ha {
            Some(ha) if is_found => ha.recover_checkpoints(job, &store)?,
            _ => RecoveredCheckpoints {
                last: store.highest_id()?.unwrap_or_default(),
                ..RecoveredCheckpoints::default()
            },
        };
        if recovered.had_any && recovered.whole.is_empty() {
            let folder = store.layout().folder().to_string();
            return Err(CheckpointSetupError::NoneUsable { folder });
        }
        let retained: Vec<RetainedCheckpoint> = recovered
            .whole
            .iter()
            .map(|(pointer, metadata)| RetainedCheckpoint::new(metadata, pointer))
            .collect();
        let checkpoints = recovered.whole.into_iter().map(|(pointer, metadata)| {
            CompleteCheckpoint { pointer, metadata: Arc::new(metadata) }
        });
        let mut initial = InitialState {
            checkpoints: checkpoints.collect(),
            last_checkpoint: recovered.last,
            ..InitialState::default()
        };
        if initial.checkpoints.is_empty() {
            if !is_found {
                initial.others = others(&store)?;
            }
            initial.savepoint = savepoint(configuration, &storage)?;
        }
        Ok(Self { options, initial, store, retained })
    }
}

/// Finds complete checkpoints that an earlier job with the same id was to leave.
fn others(store: &CheckpointStore) -> Result<Vec<Arc<CheckpointMetadata>>, CheckpointSetupError> {
    let mut others = Vec::new();
    for retained in store.scan()? {
        match store.load(&retained.url, Verification::Metadata) {
            Ok(metadata) => others.push(Arc::new(metadata)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(others)
}

/// Loads what the user wants the job to start from, if there is something.
fn savepoint(
    configuration: &Configuration,
    storage: &Storage,
) -> Result<Option<InitialSavepoint>, CheckpointSetupError> {
    let Some(path) = configuration.get_optional(&client::STATE_RECOVERY_PATH)? else {
        return Ok(None);
    };
    // A job's folder stands for its newest checkpoint.
    let latest = storage.load_latest(&path, Verification::Files);
    let loaded = latest.and_then(|latest| {
        latest.map_or_else(|| storage.load_checkpoint(&path, Verification::Files), Ok)
    });
    let (metadata, bytes) = loaded.map_err(CheckpointSetupError::Savepoint)?;
    Ok(Some(InitialSavepoint::new(metadata, bytes, configuration)?))
}
