//! What a job starts from.

use std::sync::Arc;

use sciurus_checkpoint::{CheckpointMetadata, CheckpointPointer};
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::config::options::client::{self, RecoveryClaimMode};
use sciurus_core::config::{ConfigError, Configuration};

/// A checkpoint or savepoint that is complete and durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompleteCheckpoint {
    /// Where it lies.
    pub pointer: CheckpointPointer,
    /// What it holds.
    pub metadata: Arc<CheckpointMetadata>,
}

/// The savepoint, or checkpoint of another job, that a user wants a job to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialSavepoint {
    /// It.
    pub checkpoint: CompleteCheckpoint,
    /// Whether it becomes the job's own, to be deleted when later checkpoints have taken its place.
    pub is_claimed: bool,
    /// Whether state that belongs to no operator of the job may be left out.
    pub allow_non_restored: bool,
}

impl InitialSavepoint {
    /// Makes one of what was loaded (`metadata_bytes` is how many bytes `_metadata` has), to be
    /// used as the configuration says.
    ///
    /// # Errors
    /// Where the configuration is wrong.
    pub fn new(
        metadata: CheckpointMetadata,
        metadata_bytes: u64,
        configuration: &Configuration,
    ) -> Result<Self, ConfigError> {
        let url = metadata.exclusive.as_str().into();
        let pointer = CheckpointPointer { url, metadata_bytes };
        let claim_mode = configuration.get(&client::STATE_RECOVERY_CLAIM_MODE)?;
        Ok(Self {
            checkpoint: CompleteCheckpoint { pointer, metadata: Arc::new(metadata) },
            is_claimed: claim_mode == RecoveryClaimMode::Claim,
            allow_non_restored: configuration
                .get(&client::STATE_RECOVERY_IGNORE_UNCLAIMED_STATE)?,
        })
    }
}

/// What a job starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitialState {
    /// The complete checkpoints of an earlier life of the job, the oldest first. If there are any
    /// the job goes on from the latest.
    pub checkpoints: Vec<CompleteCheckpoint>,
    /// What it starts from if there are none. If there are some, this says what isn't the job's.
    pub savepoint: Option<InitialSavepoint>,
    /// The highest number that a checkpoint of the job is known to have had.
    pub last_checkpoint: CheckpointId,
    /// Complete checkpoints in the job's folder that aren't the job's: of another one with the same
    /// id, which was to leave them.
    pub others: Vec<Arc<CheckpointMetadata>>,
}
