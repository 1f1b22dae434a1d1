//! The cluster as a whole: `/config`, `/overview`, its end, and data sets, which there are none of.

use axum::extract::State;
use sciurus_core::ids::{DataSetId, TriggerId};
use sciurus_job_master::{JobMaster, JobStatus};
use serde::Serialize;

use super::Rest;
use super::error::{RestError, RestResult};
use super::operations::{OperationKey, OperationKind, OperationStatus, Outcome, TriggerResponse};
use super::params::Params;
use super::reply::{Empty, Reply, accepted, ok};

/// The version of Flink whose API this is: clients compare it with their own.
pub const FLINK_VERSION: &str = "2.3.0";

/// Says what really runs, where Flink shows its commit.
pub const REVISION: &str = concat!("sciurus-", env!("CARGO_PKG_VERSION"));

/// `GET /config`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DashboardConfiguration {
    refresh_interval: u64,
    timezone_name: &'static str,
    timezone_offset: i64,
    flink_version: &'static str,
    flink_revision: String,
    features: Features,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::struct_excessive_bools)]
struct Features {
    web_submit: bool,
    web_cancel: bool,
    web_rescale: bool,
    web_history: bool,
}

/// Says how a user interface has to behave.
pub async fn config(State(rest): State<Rest>) -> Reply<DashboardConfiguration> {
    let options = rest.options();
    ok(DashboardConfiguration {
        refresh_interval: u64::try_from(options.refresh_interval.as_millis()).unwrap_or(u64::MAX),
        timezone_name: "Coordinated Universal Time",
        timezone_offset: 0,
        flink_version: FLINK_VERSION,
        flink_revision: format!("{REVISION} @ 1970-01-01T00:00:00+00:00"),
        features: Features {
            web_submit: options.submit_enabled,
            web_cancel: options.cancel_enabled,
            web_rescale: false,
            web_history: false,
        },
    })
}

/// `GET /overview`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClusterOverview {
    taskmanagers: usize,
    slots_total: u32,
    slots_available: u32,
    jobs_running: u32,
    jobs_finished: u32,
    jobs_cancelled: u32,
    jobs_failed: u32,
    flink_version: &'static str,
    flink_commit: &'static str,
}

/// Counts TaskManagers, slots and jobs.
pub async fn overview(State(rest): State<Rest>) -> Reply<ClusterOverview> {
    let slots = rest.dispatcher().slots();
    let mut overview = ClusterOverview {
        taskmanagers: rest.dispatcher().task_managers().len(),
        slots_total: slots.total,
        slots_available: slots.available,
        flink_version: FLINK_VERSION,
        flink_commit: REVISION,
        ..ClusterOverview::default()
    };
    for job in rest.dispatcher().jobs() {
        let count = match job.with_master(JobMaster::status) {
            JobStatus::Finished => &mut overview.jobs_finished,
            JobStatus::Canceled => &mut overview.jobs_cancelled,
            JobStatus::Failed => &mut overview.jobs_failed,
            _ => &mut overview.jobs_running,
        };
        *count += 1;
    }
    ok(overview)
}

/// Ends the cluster.
pub async fn shut_down(State(rest): State<Rest>) -> Reply<Empty> {
    tracing::info!("the cluster is shut down over the REST API");
    rest.dispatcher().request_shutdown();
    ok(Empty {})
}

/// `GET /datasets`.
#[derive(Debug, Serialize)]
pub struct ClusterDataSets {
    #[serde(rename = "dataSets")]
    data_sets: Vec<Empty>,
}

/// Lists results that outlive their jobs: there are none.
pub async fn data_sets() -> Reply<ClusterDataSets> {
    ok(ClusterDataSets { data_sets: Vec::new() })
}

/// Deletes a data set; as in Flink none is missing.
pub async fn delete_data_set(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<TriggerResponse>> {
    params.path::<DataSetId>("datasetid")?;
    let key = OperationKey {
        kind: OperationKind::DataSetDeletion,
        job: None,
        trigger: TriggerId::random(),
    };
    Ok(accepted(rest.operations().end(key, Outcome::done())))
}

/// Shows how the deletion of a data set stands.
pub async fn data_set_deletion(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<OperationStatus>> {
    let trigger = params.path("triggerid")?;
    let key = OperationKey { kind: OperationKind::DataSetDeletion, job: None, trigger };
    let missing = || RestError::not_found(format!("Operation not found under key: {trigger}"));
    rest.operations().get(&key).map(ok).ok_or_else(missing)
}
