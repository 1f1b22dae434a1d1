//! `/applications`: here an application is one submission with one job, and has the job's id.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use sciurus_core::ids::{ApplicationId, JobId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::{JobStatus, Lifecycle};
use serde::Serialize;

use super::Rest;
use super::error::{RestError, RestResult};
use super::job_manager::{ConfigEntry, entries};
use super::jobs::{JobSummary, Span, stack_trace};
use super::params::Params;
use super::reply::{Empty, Reply, accepted, ok};
use crate::job::Job;

/// `GET /applications/overview`.
#[derive(Debug, Serialize)]
pub struct ApplicationsOverview {
    applications: Vec<ApplicationSummary>,
}

#[derive(Debug, Serialize)]
struct ApplicationSummary {
    id: ApplicationId,
    name: String,
    #[serde(flatten)]
    span: Span,
    status: &'static str,
    jobs: BTreeMap<&'static str, u32>,
}

/// `GET /applications/:applicationid`.
#[derive(Debug, Serialize)]
pub struct ApplicationDetails {
    id: ApplicationId,
    name: String,
    status: &'static str,
    #[serde(flatten)]
    span: Span,
    timestamps: BTreeMap<&'static str, Timestamp>,
    jobs: Vec<JobSummary>,
}

/// `GET /applications/:applicationid/exceptions`.
#[derive(Debug, Serialize)]
pub struct ApplicationExceptions {
    #[serde(rename = "exceptionHistory")]
    exception_history: ExceptionHistory,
}

#[derive(Debug, Serialize)]
struct ExceptionHistory {
    entries: Vec<ApplicationException>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationException {
    exception_name: String,
    stacktrace: String,
    timestamp: Timestamp,
    job_id: JobId,
}

/// Returns the state of an application whose job has a status.
fn status(job: JobStatus) -> &'static str {
    match job {
        JobStatus::Initializing | JobStatus::Created | JobStatus::Reconciling => "CREATED",
        JobStatus::Running | JobStatus::Restarting | JobStatus::Suspended => "RUNNING",
        JobStatus::Failing => "FAILING",
        JobStatus::Failed => "FAILED",
        JobStatus::Cancelling => "CANCELING",
        JobStatus::Canceled => "CANCELED",
        JobStatus::Finished => "FINISHED",
    }
}

fn timestamps(lifecycle: &Lifecycle<JobStatus>) -> BTreeMap<&'static str, Timestamp> {
    let states = [
        ("CREATED", JobStatus::Initializing),
        ("RUNNING", JobStatus::Running),
        ("FAILING", JobStatus::Failing),
        ("FAILED", JobStatus::Failed),
        ("CANCELING", JobStatus::Cancelling),
        ("CANCELED", JobStatus::Canceled),
        ("FINISHED", JobStatus::Finished),
    ];
    states.into_iter().map(|(name, job)| (name, lifecycle.entered(job).unwrap_or(0))).collect()
}

fn name(job: &Job) -> String {
    format!("SingleJobApplication({})", job.name())
}

fn find(rest: &Rest, params: &Params) -> RestResult<Option<Arc<Job>>> {
    let id: ApplicationId = params.path("applicationid")?;
    Ok(rest.find_job(id.into()))
}

fn found(rest: &Rest, params: &Params) -> RestResult<Arc<Job>> {
    let missing = || {
        let id = params.text("applicationid");
        RestError::internal(format!("Could not find Flink application ({id})"))
    };
    find(rest, params)?.ok_or_else(missing)
}

/// Lists applications.
pub async fn overview(State(rest): State<Rest>) -> Reply<ApplicationsOverview> {
    let now = rest.now();
    let summary = |job: &Arc<Job>| {
        let (span, job_status) =
            job.with_master(|master| (Span::of_job(master.lifecycle(), now), master.status()));
        ApplicationSummary {
            id: job.id().into(),
            name: name(job),
            span,
            status: status(job_status),
            jobs: BTreeMap::from([(job_status.name(), 1)]),
        }
    };
    ok(ApplicationsOverview {
        applications: rest.dispatcher().jobs().iter().map(summary).collect(),
    })
}

/// Shows an application.
pub async fn details(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<ApplicationDetails>> {
    let (job, now) = (found(&rest, &params)?, rest.now());
    let (span, status, timestamps) = job.with_master(|master| {
        let lifecycle = master.lifecycle();
        (Span::of_job(lifecycle, now), status(master.status()), timestamps(lifecycle))
    });
    Ok(ok(ApplicationDetails {
        id: job.id().into(),
        name: name(&job),
        status,
        span,
        timestamps,
        jobs: vec![JobSummary::of(&job, now)],
    }))
}

/// Cancels an application; one that has ended counts as gone.
pub async fn cancel(State(rest): State<Rest>, params: Params) -> RestResult<Reply<Empty>> {
    let missing = || RestError::not_found("Application could not be found.");
    let job = find(&rest, &params)?.ok_or_else(missing)?;
    if job.with_master(|master| master.status().is_terminal()) {
        return Err(missing());
    }
    rest.dispatcher().cancel(job.id()).map_err(|error| RestError::internal(error.to_string()))?;
    Ok(accepted(Empty {}))
}

/// Shows why an application failed.
pub async fn exceptions(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<ApplicationExceptions>> {
    let job = found(&rest, &params)?;
    let failure = job.with_master(|master| {
        let has_failed = master.status() == JobStatus::Failed;
        master.failure().filter(|_| has_failed).cloned()
    });
    let entry = |failure: sciurus_job_master::failure::JobFailure| ApplicationException {
        stacktrace: stack_trace(&failure.failure.cause),
        timestamp: failure.failure.timestamp,
        exception_name: failure.failure.cause.kind,
        job_id: job.id(),
    };
    let entries = failure.into_iter().map(entry).collect();
    Ok(ok(ApplicationExceptions { exception_history: ExceptionHistory { entries } }))
}

/// Shows the settings of the JobManager that runs an application.
pub async fn config(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<Vec<ConfigEntry>>> {
    found(&rest, &params)?;
    Ok(ok(entries(rest.dispatcher().configuration())))
}
