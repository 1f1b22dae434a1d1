//! `/jobs/:jobid/checkpoints/config`.

use std::time::Duration;

use axum::extract::State;
use sciurus_core::config::options::checkpointing::{
    self, CheckpointingMode, ExternalizedCheckpointRetention,
};
use sciurus_core::config::options::state::{self, StateBackendType};
use sciurus_core::config::{ConfigError, Configuration};
use serde::Serialize;

use crate::rest::Rest;
use crate::rest::error::{RestError, RestResult};
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

/// Shows how checkpoints are taken.
pub async fn config(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<CheckpointConfigInfo>> {
    let job = rest.job(params.job()?)?;
    let info = CheckpointConfigInfo::of(job.configuration());
    info.map(ok).map_err(|error| RestError::internal(error.to_string()))
}

impl CheckpointConfigInfo {
    /// Reads a job's configuration. An interval that never ends says that none are taken by
    /// themselves.
    fn of(configuration: &Configuration) -> Result<Self, ConfigError> {
        let interval = configuration.get_optional(&checkpointing::INTERVAL)?;
        let interval = interval.filter(|interval| !interval.is_zero());
        let mode = match configuration.get(&checkpointing::MODE)? {
            CheckpointingMode::ExactlyOnce if interval.is_some() => "exactly_once",
            // What Flink shows of jobs without.
            CheckpointingMode::ExactlyOnce | CheckpointingMode::AtLeastOnce => "at_least_once",
        };
        let retention = configuration.get(&checkpointing::EXTERNALIZED_CHECKPOINT_RETENTION)?;
        Ok(Self {
            mode,
            interval: interval.map_or(i64::MAX, millis),
            timeout: millis(configuration.get(&checkpointing::TIMEOUT)?),
            min_pause: millis(configuration.get(&checkpointing::MIN_PAUSE)?),
            max_concurrent: configuration.get(&checkpointing::MAX_CONCURRENT_CHECKPOINTS)?,
            externalization: Externalization {
                enabled: retention != ExternalizedCheckpointRetention::NoExternalizedCheckpoints,
                delete_on_cancellation: retention
                    != ExternalizedCheckpointRetention::RetainOnCancellation,
            },
            state_backend: match configuration.get(&state::BACKEND)? {
                StateBackendType::RocksDb => "EmbeddedRocksDBStateBackend",
                StateBackendType::HashMap => "HashMapStateBackend",
            },
            checkpoint_storage: "FileSystemCheckpointStorage",
            unaligned_checkpoints: false,
            tolerable_failed_checkpoints: configuration
                .get(&checkpointing::TOLERABLE_FAILED_CHECKPOINTS)?,
            aligned_checkpoint_timeout: 0,
            checkpoints_after_tasks_finish: configuration
                .get(&checkpointing::CHECKPOINTS_AFTER_TASKS_FINISH)?,
            state_changelog_enabled: false,
            changelog_periodic_materialization_interval: 600_000,
            changelog_storage: "memory",
        })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(settings: &[(&str, &str)]) -> Value {
        let configuration = Configuration::from_pairs(settings.iter().copied());
        serde_json::to_value(CheckpointConfigInfo::of(&configuration).unwrap()).unwrap()
    }

    #[test]
    fn a_job_without_checkpoints_has_an_interval_that_never_ends() {
        for settings in [&[][..], &[("execution.checkpointing.interval", "0")]] {
            let info = shown(settings);
            assert_eq!(
                (&info["mode"], &info["interval"]),
                (&json!("at_least_once"), &json!(i64::MAX))
            );
            let externalization = json!({"enabled": false, "delete_on_cancellation": true});
            assert_eq!(info["externalization"], externalization);
        }
    }

    #[test]
    fn what_is_set_is_shown() {
        let info = shown(&[
            ("execution.checkpointing.interval", "2 s"),
            ("execution.checkpointing.timeout", "1 min"),
            ("execution.checkpointing.min-pause", "500 ms"),
            ("execution.checkpointing.max-concurrent-checkpoints", "2"),
            ("execution.checkpointing.tolerable-failed-checkpoints", "3"),
            ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
            ("state.backend.type", "rocksdb"),
        ]);
        let expected = json!({
            "mode": "exactly_once", "interval": 2_000, "timeout": 60_000, "min_pause": 500,
            "max_concurrent": 2,
            "externalization": {"enabled": true, "delete_on_cancellation": false},
            "state_backend": "EmbeddedRocksDBStateBackend",
            "checkpoint_storage": "FileSystemCheckpointStorage", "unaligned_checkpoints": false,
            "tolerable_failed_checkpoints": 3, "aligned_checkpoint_timeout": 0,
            "checkpoints_after_tasks_finish": true, "state_changelog_enabled": false,
            "changelog_periodic_materialization_interval": 600_000, "changelog_storage": "memory",
        });
        assert_eq!(info, expected);
    }
}
