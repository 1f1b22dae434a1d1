//! `/jobs/:jobid/checkpoints/config`.

use axum::extract::State;
use sciurus_core::config::options::state::{self, StateBackendType};
use serde::Serialize;

use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid/checkpoints/config`.
#[derive(Debug, Serialize)]
pub struct CheckpointConfigInfo {
    mode: &'static str,
    interval: i64,
    timeout: i64,
    min_pause: i64,
    max_concurrent: u32,
    externalization: Externalization,
    state_backend: &'static str,
    checkpoint_storage: &'static str,
    unaligned_checkpoints: bool,
    tolerable_failed_checkpoints: u32,
    aligned_checkpoint_timeout: i64,
    checkpoints_after_tasks_finish: bool,
    state_changelog_enabled: bool,
    changelog_periodic_materialization_interval: i64,
    changelog_storage: &'static str,
}

#[derive(Debug, Serialize)]
struct Externalization {
    enabled: bool,
    delete_on_cancellation: bool,
}

/// Shows how checkpoints are taken: an interval that never ends says that they aren't.
pub async fn config(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<CheckpointConfigInfo>> {
    let job = rest.job(params.job()?)?;
    let state_backend = match job.configuration().get(&state::BACKEND) {
        Ok(StateBackendType::RocksDb) => "EmbeddedRocksDBStateBackend",
        _ => "HashMapStateBackend",
    };
    Ok(ok(CheckpointConfigInfo {
        mode: "at_least_once",
        interval: i64::MAX,
        timeout: 600_000,
        min_pause: 0,
        max_concurrent: 1,
        externalization: Externalization { enabled: false, delete_on_cancellation: true },
        state_backend,
        checkpoint_storage: "FileSystemCheckpointStorage",
        unaligned_checkpoints: false,
        tolerable_failed_checkpoints: 0,
        aligned_checkpoint_timeout: 0,
        checkpoints_after_tasks_finish: true,
        state_changelog_enabled: false,
        changelog_periodic_materialization_interval: 600_000,
        changelog_storage: "memory",
    }))
}
