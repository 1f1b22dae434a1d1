//! `/jobs/:jobid/checkpoints`.

use axum::extract::State;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::time::Timestamp;
use sciurus_job_master::checkpoint_coordinator::CheckpointStatistics;
use sciurus_job_master::checkpoint_coordinator::statistics::{
    CheckpointCounts, CheckpointSummary, RestoredCheckpoint,
};
use serde::Serialize;

use super::checkpoint::CheckpointBody;
use super::spread::Spread;
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid/checkpoints`.
#[derive(Debug, Serialize)]
pub struct CheckpointingStatistics {
    counts: Counts,
    summary: Summary,
    latest: Latest,
    history: Vec<CheckpointBody>,
}

#[derive(Debug, Serialize)]
struct Counts {
    restored: u64,
    total: u64,
    in_progress: u64,
    completed: u64,
    failed: u64,
}

#[derive(Debug, Serialize)]
struct Summary {
    checkpointed_size: Spread,
    state_size: Spread,
    end_to_end_duration: Spread,
    alignment_buffered: Spread,
    processed_data: Spread,
    persisted_data: Spread,
}

#[derive(Debug, Serialize)]
struct Latest {
    completed: Option<CheckpointBody>,
    savepoint: Option<CheckpointBody>,
    failed: Option<CheckpointBody>,
    restored: Option<Restored>,
}

/// The checkpoint that the job was last restored from.
#[derive(Debug, Serialize)]
struct Restored {
    id: CheckpointId,
    restore_timestamp: Timestamp,
    is_savepoint: bool,
    external_path: String,
}

/// Shows a job's checkpoints.
pub async fn checkpoints(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<CheckpointingStatistics>> {
    let job = rest.job(params.job()?)?;
    Ok(ok(job.with_master(|master| master.checkpoints().into())))
}

impl From<&CheckpointStatistics> for CheckpointingStatistics {
    fn from(statistics: &CheckpointStatistics) -> Self {
        Self {
            counts: statistics.counts().into(),
            summary: statistics.summary().into(),
            latest: Latest {
                completed: statistics.latest_completed().map(CheckpointBody::listed),
                savepoint: statistics.latest_savepoint().map(CheckpointBody::listed),
                failed: statistics.latest_failed().map(CheckpointBody::listed),
                restored: statistics.latest_restored().map(Restored::from),
            },
            history: statistics.history().map(CheckpointBody::listed).collect(),
        }
    }
}

impl From<CheckpointCounts> for Counts {
    fn from(counts: CheckpointCounts) -> Self {
        let CheckpointCounts { restored, total, in_progress, completed, failed } = counts;
        Self { restored, total, in_progress, completed, failed }
    }
}

impl From<&CheckpointSummary> for Summary {
    fn from(summary: &CheckpointSummary) -> Self {
        Self {
            checkpointed_size: (&summary.checkpointed_bytes).into(),
            state_size: (&summary.state_bytes).into(),
            end_to_end_duration: (&summary.duration_ms).into(),
            alignment_buffered: Spread::unknown(),
            processed_data: (&summary.processed_bytes).into(),
            persisted_data: (&summary.persisted_bytes).into(),
        }
    }
}

impl From<&RestoredCheckpoint> for Restored {
    fn from(restored: &RestoredCheckpoint) -> Self {
        Self {
            id: restored.id,
            restore_timestamp: restored.restore_timestamp,
            is_savepoint: restored.is_savepoint,
            external_path: restored.external_path.clone(),
        }
    }
}
