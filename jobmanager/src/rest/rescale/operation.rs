//! `/jobs/:jobid/rescale`, which Flink doesn't have: other parallelism for any job, whatever its
//! scheduler, as an operation whose end can be asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use sciurus_core::ids::{JobVertexId, TriggerId};
use sciurus_job_master::rescale::{ParallelismBounds, RescaleEnd, check_bounds};
use sciurus_job_master::{ExecutionState, JobMaster, JobStatus};
use serde::Deserialize;

use crate::job::Job;
use crate::rest::Rest;
use crate::rest::body::{Json, JsonRequest};
use crate::rest::error::{RestError, RestResult};
use crate::rest::operations::{
    OperationKey, OperationKind, OperationStatus, Outcome, TriggerResponse,
};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, accepted, ok};
use crate::rest::throwable::FailureCause;

/// Time between two looks at a job that changes.
const PAUSE: Duration = Duration::from_millis(50);

/// The class that clients know the failure by.
const FAILURE: &str = "org.apache.flink.util.FlinkException";

/// The body of `POST /jobs/:jobid/rescale`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RescaleRequest {
    /// How many subtasks each vertex is to have; others keep what they have.
    vertices: BTreeMap<JobVertexId, u32>,
    #[serde(rename = "triggerId")]
    trigger_id: Option<TriggerId>,
}

impl JsonRequest for RescaleRequest {
    const FORMAT: &str = "RescaleRequestBody";
}

/// Triggers a change of a job's parallelism.
pub async fn rescale(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<RescaleRequest>,
) -> RestResult<Reply<TriggerResponse>> {
    let id = params.job()?;
    let job = rest.job(id)?;
    let bounds = job.with_master(|master| bounds(master, &body.vertices))?;
    let trigger = body.trigger_id.unwrap_or_else(TriggerId::random);
    let kind = OperationKind::Rescale;
    let key = OperationKey { kind, job: Some(id), trigger };
    let patience = rest.options().request_timeout;
    let work = async move {
        match change(&job, body.vertices, bounds, patience).await {
            Ok(()) => Outcome::done(),
            Err(cause) => Outcome::failed(kind, cause),
        }
    };
    Ok(accepted(rest.operations().begin(key, work)?))
}

/// Shows how a change of a job's parallelism stands.
pub async fn rescale_status(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<OperationStatus>> {
    let (job, trigger) = (params.job()?, params.path("triggerid")?);
    let key = OperationKey { kind: OperationKind::Rescale, job: Some(job), trigger };
    let missing = || {
        RestError::not_found(format!(
            "There is no rescale operation with triggerId={trigger} for job {job}."
        ))
    };
    rest.operations().get(&key).map(ok).ok_or_else(missing)
}

/// Turns numbers of subtasks into the bounds of all vertices of a job.
fn bounds(
    master: &JobMaster,
    wanted: &BTreeMap<JobVertexId, u32>,
) -> RestResult<BTreeMap<JobVertexId, ParallelismBounds>> {
    if wanted.is_empty() {
        return Err(RestError::bad_request("The request names no vertex."));
    }
    let mut bounds = master.requirements().clone();
    let wanted = wanted.iter().map(|(vertex, upper)| {
        (*vertex, ParallelismBounds { lower: 1.min(*upper), upper: *upper })
    });
    bounds.extend(wanted);
    match check_bounds(master.graph(), &bounds) {
        Ok(()) => Ok(bounds),
        Err(error) => Err(RestError::bad_request(error.to_string())),
    }
}

/// Changes a job's parallelism and waits until it runs with it.
async fn change(
    job: &Arc<Job>,
    wanted: BTreeMap<JobVertexId, u32>,
    bounds: BTreeMap<JobVertexId, ParallelismBounds>,
    patience: Duration,
) -> Result<(), FailureCause> {
    let before = job.with_master(latest_rescale);
    job.rescale(bounds)
        .await
        .map_err(|failure| FailureCause::new(failure.class, &failure.message, None))?;
    let deadline = Instant::now() + patience;
    loop {
        let missing = match job.with_master(|master| progress(master, before, &wanted)) {
            Progress::Done => return Ok(()),
            Progress::Ended(status) => {
                let message = format!("The job has ended meanwhile: it is {status}.");
                return Err(FailureCause::new(FAILURE, &message, None));
            }
            Progress::Failed(reason) => {
                let message = format!("The job goes on with its old parallelism: {reason}");
                return Err(FailureCause::new(FAILURE, &message, None));
            }
            Progress::UnderWay { missing } => missing,
        };
        if Instant::now() >= deadline {
            let slots = if missing > 0 {
                format!(" It waits for slots: {missing} are missing.")
            } else {
                String::new()
            };
            let message = format!(
                "The job doesn't run with its new parallelism after {} s; it goes on trying.{slots}",
                patience.as_secs()
            );
            return Err(FailureCause::new(FAILURE, &message, None));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How a change of parallelism stands.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Done,
    Ended(JobStatus),
    Failed(String),
    UnderWay { missing: u32 },
}

/// Returns the number of a job's latest change of parallelism.
fn latest_rescale(master: &JobMaster) -> Option<u64> {
    master.rescales().rescales().next().map(|rescale| rescale.number)
}

/// Says how the change stands that was asked for after change number `before`.
fn progress(
    master: &JobMaster,
    before: Option<u64>,
    wanted: &BTreeMap<JobVertexId, u32>,
) -> Progress {
    let status = master.status();
    if status.is_terminal() {
        return Progress::Ended(status);
    }
    let executions = master.execution_graph();
    let is_as_wanted = executions.job_vertices().iter().all(|vertex| {
        wanted.get(&vertex.id()).is_none_or(|parallelism| *parallelism == vertex.parallelism())
    });
    let runs = executions.subtasks().iter().all(|subtask| {
        matches!(subtask.current().state(), ExecutionState::Running | ExecutionState::Finished)
    });
    if status == JobStatus::Running && is_as_wanted && runs {
        return Progress::Done;
    }
    let latest = master.rescales().rescales().next();
    if let Some(latest) = latest.filter(|latest| Some(latest.number) > before)
        && let Some((_, RescaleEnd::Failed(reason))) = &latest.ended
        && status == JobStatus::Running
    {
        return Progress::Failed(reason.clone());
    }
    Progress::UnderWay { missing: master.slot_shortage().map_or(0, |shortage| shortage.total()) }
}
