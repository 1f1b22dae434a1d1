//! Checkpoints and savepoints that clients trigger.

use axum::extract::State;
use axum::http::StatusCode;
use sciurus_core::ids::{JobId, TriggerId};
use serde::Deserialize;

use crate::rest::body::{Json, JsonRequest};
use crate::rest::error::{RestError, RestResult};
use crate::rest::operations::{
    OperationKey, OperationKind, OperationStatus, Outcome, TriggerResponse,
};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, accepted, ok};
use crate::rest::throwable::FailureCause;
use crate::rest::{Rest, no_job};

/// The class that clients know a failed checkpoint by.
const CHECKPOINT_EXCEPTION: &str = "org.apache.flink.runtime.checkpoint.CheckpointException";

/// The class that clients know a missing job by.
const NOT_FOUND_EXCEPTION: &str = "java.util.concurrent.CompletionException";

/// The beginning is what the Kubernetes operator looks for.
const NOT_ENABLED: &str = "Checkpointing has not been enabled: this version of Sciurus takes no \
    checkpoints and no savepoints.";

/// Which state a checkpoint has to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum CheckpointType {
    #[default]
    Configured,
    Full,
    Incremental,
}

/// The body of `POST /jobs/:jobid/checkpoints`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointTrigger {
    #[serde(default)]
    checkpoint_type: Option<CheckpointType>,
    trigger_id: Option<TriggerId>,
}

impl JsonRequest for CheckpointTrigger {
    const FORMAT: &str = "CheckpointTriggerRequestBody";
}

/// In which form a savepoint is written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum SavepointFormat {
    Canonical,
    Native,
}

/// The body of `POST /jobs/:jobid/savepoints`.
#[derive(Debug, Deserialize)]
pub struct SavepointTrigger {
    #[serde(rename = "target-directory")]
    _target_directory: Option<String>,
    #[serde(rename = "cancel-job", default)]
    _cancel_job: Option<bool>,
    #[serde(rename = "formatType")]
    _format: Option<SavepointFormat>,
    #[serde(rename = "triggerId")]
    trigger_id: Option<TriggerId>,
}

impl JsonRequest for SavepointTrigger {
    const FORMAT: &str = "SavepointTriggerRequestBody";
}

/// The body of `POST /jobs/:jobid/stop`.
#[derive(Debug, Deserialize)]
pub struct StopWithSavepoint {
    #[serde(rename = "targetDirectory")]
    _target_directory: Option<String>,
    #[serde(rename = "drain", default)]
    _drain: Option<bool>,
    #[serde(rename = "formatType")]
    _format: Option<SavepointFormat>,
    #[serde(rename = "triggerId")]
    trigger_id: Option<TriggerId>,
}

impl JsonRequest for StopWithSavepoint {
    const FORMAT: &str = "StopWithSavepointRequestBody";
}

/// The body of `POST /savepoint-disposal`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SavepointDisposal {
    savepoint_path: Option<String>,
}

impl JsonRequest for SavepointDisposal {
    const FORMAT: &str = "SavepointDisposalRequest";
}

type Triggered = RestResult<Reply<TriggerResponse>>;
type Status = RestResult<Reply<OperationStatus>>;

/// Triggers a checkpoint.
pub async fn trigger_checkpoint(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<CheckpointTrigger>,
) -> Triggered {
    if body.checkpoint_type == Some(CheckpointType::Incremental) {
        return Err(RestError::internal(
            "Triggering an incremental checkpoint explicitly is not supported, as in Flink \
             (FLINK-33723); use CONFIGURED or FULL.",
        ));
    }
    Ok(trigger(&rest, OperationKind::Checkpoint, params.job()?, body.trigger_id))
}

/// Triggers a savepoint.
pub async fn trigger_savepoint(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<SavepointTrigger>,
) -> Triggered {
    Ok(trigger(&rest, OperationKind::Savepoint, params.job()?, body.trigger_id))
}

/// Triggers the end of a job with a savepoint.
pub async fn stop(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<StopWithSavepoint>,
) -> Triggered {
    Ok(trigger(&rest, OperationKind::Savepoint, params.job()?, body.trigger_id))
}

fn trigger(
    rest: &Rest,
    kind: OperationKind,
    job: JobId,
    id: Option<TriggerId>,
) -> Reply<TriggerResponse> {
    let runs = rest
        .find_job(job)
        .is_some_and(|job| job.with_master(|master| !master.status().is_terminal()));
    let cause = if runs {
        FailureCause::new(CHECKPOINT_EXCEPTION, NOT_ENABLED, None)
    } else {
        let message =
            format!("org.apache.flink.runtime.messages.FlinkJobNotFoundException: {}", no_job(job));
        FailureCause::new(NOT_FOUND_EXCEPTION, &message, None)
    };
    let trigger = id.unwrap_or_else(TriggerId::random);
    let key = OperationKey { kind, job: Some(job), trigger };
    accepted(rest.operations().end(key, Outcome::failed(kind, cause)))
}

/// Shows how a triggered checkpoint stands.
pub async fn checkpoint_status(State(rest): State<Rest>, params: Params) -> Status {
    status(&rest, OperationKind::Checkpoint, "checkpoint", &params)
}

/// Shows how a triggered savepoint stands.
pub async fn savepoint_status(State(rest): State<Rest>, params: Params) -> Status {
    status(&rest, OperationKind::Savepoint, "savepoint", &params)
}

fn status(rest: &Rest, kind: OperationKind, what: &str, params: &Params) -> Status {
    let (job, trigger) = (params.job()?, params.path("triggerid")?);
    let missing = || {
        RestError::not_found(format!(
            "There is no {what} operation with triggerId={trigger} for job {job}."
        ))
    };
    let key = OperationKey { kind, job: Some(job), trigger };
    rest.operations().get(&key).map(ok).ok_or_else(missing)
}

/// Deletes a savepoint.
pub async fn dispose(State(rest): State<Rest>, Json(body): Json<SavepointDisposal>) -> Triggered {
    let Some(path) = body.savepoint_path else {
        return Err(RestError::bad_request("Field savepoint-path must not be omitted or be null."));
    };
    let message = format!("Could not dispose savepoint {path}. {NOT_ENABLED}");
    let cause = FailureCause::new("org.apache.flink.util.FlinkException", &message, None);
    let kind = OperationKind::SavepointDisposal;
    let key = OperationKey { kind, job: None, trigger: TriggerId::random() };
    Ok(Reply(StatusCode::OK, rest.operations().end(key, Outcome::failed(kind, cause))))
}

/// Shows how the deletion of a savepoint stands.
pub async fn disposal_status(State(rest): State<Rest>, params: Params) -> Status {
    let trigger = params.path("triggerid")?;
    let key = OperationKey { kind: OperationKind::SavepointDisposal, job: None, trigger };
    let missing = || RestError::not_found(format!("Operation not found under key: {trigger}"));
    rest.operations().get(&key).map(ok).ok_or_else(missing)
}
