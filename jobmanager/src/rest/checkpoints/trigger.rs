//! Checkpoints and savepoints that clients trigger.

use axum::extract::State;
use axum::http::StatusCode;
use sciurus_checkpoint::{Storage, StorageOptions};
use sciurus_core::checkpoint::{Ending, SavepointFormat, SnapshotKind};
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

/// The class that clients know a missing job by.
const NOT_FOUND_EXCEPTION: &str = "java.util.concurrent.CompletionException";

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

/// The body of `POST /jobs/:jobid/savepoints`.
#[derive(Debug, Deserialize)]
pub struct SavepointTrigger {
    #[serde(rename = "target-directory")]
    target_directory: Option<String>,
    #[serde(rename = "cancel-job")]
    cancel_job: Option<bool>,
    #[serde(rename = "formatType")]
    format: Option<SavepointFormat>,
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
    target_directory: Option<String>,
    drain: Option<bool>,
    #[serde(rename = "formatType")]
    format: Option<SavepointFormat>,
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

/// What a client wants to be taken of a job.
struct Wanted {
    kind: SnapshotKind,
    /// In which folder a savepoint gets one of its own.
    target: Option<String>,
    /// Whether the job is cancelled when it is there.
    cancels: bool,
}

/// Triggers a checkpoint.
pub async fn trigger_checkpoint(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<CheckpointTrigger>,
) -> Triggered {
    let kind = match body.checkpoint_type.unwrap_or_default() {
        CheckpointType::Configured => SnapshotKind::Checkpoint,
        CheckpointType::Full => SnapshotKind::FullCheckpoint,
        CheckpointType::Incremental => {
            return Err(RestError::internal(
                "Triggering an incremental checkpoint explicitly is not supported, as in Flink \
                 (FLINK-33723); use CONFIGURED or FULL.",
            ));
        }
    };
    let wanted = Wanted { kind, target: None, cancels: false };
    trigger(&rest, OperationKind::Checkpoint, params.job()?, body.trigger_id, wanted)
}

/// Triggers a savepoint.
pub async fn trigger_savepoint(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<SavepointTrigger>,
) -> Triggered {
    let wanted = Wanted {
        kind: savepoint(body.format, None),
        target: body.target_directory,
        cancels: body.cancel_job.unwrap_or(false),
    };
    trigger(&rest, OperationKind::Savepoint, params.job()?, body.trigger_id, wanted)
}

/// Triggers the end of a job with a savepoint.
pub async fn stop(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<StopWithSavepoint>,
) -> Triggered {
    let drains = body.drain.unwrap_or(false);
    let ending = if drains { Ending::Drain } else { Ending::Suspend };
    let wanted = Wanted {
        kind: savepoint(body.format, Some(ending)),
        target: body.target_directory,
        cancels: false,
    };
    trigger(&rest, OperationKind::Savepoint, params.job()?, body.trigger_id, wanted)
}

fn savepoint(format: Option<SavepointFormat>, ending: Option<Ending>) -> SnapshotKind {
    SnapshotKind::Savepoint { format: format.unwrap_or_default(), ending }
}

fn trigger(
    rest: &Rest,
    kind: OperationKind,
    id: JobId,
    trigger: Option<TriggerId>,
    wanted: Wanted,
) -> Triggered {
    let trigger = trigger.unwrap_or_else(TriggerId::random);
    let key = OperationKey { kind, job: Some(id), trigger };
    let running = rest.find_job(id).filter(|job| !job.status().is_terminal());
    let Some(job) = running else {
        let message =
            format!("org.apache.flink.runtime.messages.FlinkJobNotFoundException: {}", no_job(id));
        let cause = FailureCause::new(NOT_FOUND_EXCEPTION, &message, None);
        return Ok(accepted(rest.operations().end(key, Outcome::failed(kind, cause))));
    };
    let dispatcher = rest.dispatcher().clone();
    let work = async move {
        let target = wanted.target.filter(|target| !target.trim().is_empty());
        let (checkpoint, path) = match job.trigger_snapshot(wanted.kind, target).await {
            Ok(taken) => taken,
            Err(failure) => {
                let cause = FailureCause::new(failure.class, &failure.message, None);
                return Outcome::failed(kind, cause);
            }
        };
        if wanted.cancels
            && let Err(error) = dispatcher.cancel(id)
        {
            // It has ended by itself meanwhile: the savepoint is there all the same.
            tracing::info!("a savepoint of job {id} was taken, yet it isn't cancelled: {error}");
        }
        match kind {
            OperationKind::Checkpoint => Outcome::checkpoint(checkpoint),
            _ => Outcome::savepoint(path),
        }
    };
    Ok(accepted(rest.operations().begin(key, work)?))
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
    let kind = OperationKind::SavepointDisposal;
    let options = StorageOptions::from_configuration(rest.dispatcher().configuration())
        .map_err(|error| RestError::internal(error.to_string()))?;
    let work = async move {
        let savepoint = path.clone();
        let disposed = tokio::task::spawn_blocking(move || {
            Storage::new(&options).dispose_savepoint(&savepoint).map_err(|error| error.to_string())
        });
        let reason = match disposed.await {
            Ok(Ok(())) => return Outcome::done(),
            Ok(Err(reason)) => reason,
            Err(error) => error.to_string(),
        };
        let message = format!("Could not dispose savepoint {path}.");
        let details = format!("Caused by: java.io.IOException: {reason}");
        let cause =
            FailureCause::new("org.apache.flink.util.FlinkException", &message, Some(&details));
        Outcome::failed(kind, cause)
    };
    let key = OperationKey { kind, job: None, trigger: TriggerId::random() };
    Ok(Reply(StatusCode::OK, rest.operations().begin(key, work)?))
}

/// Shows how the deletion of a savepoint stands.
pub async fn disposal_status(State(rest): State<Rest>, params: Params) -> Status {
    let trigger = params.path("triggerid")?;
    let key = OperationKey { kind: OperationKind::SavepointDisposal, job: None, trigger };
    let missing = || RestError::not_found(format!("Operation not found under key: {trigger}"));
    rest.operations().get(&key).map(ok).ok_or_else(missing)
}
