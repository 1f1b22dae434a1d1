//! `/jobs/:jobid/execution-result`.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::ids::{ApplicationId, JobId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::failure::JobFailure;
use sciurus_job_master::{JobMaster, JobStatus};
use serde::Serialize;

use super::exceptions::stack_trace;
use super::times::Span;
use crate::rest::Rest;
use crate::rest::error::{RestError, RestResult};
use crate::rest::operations::QueueStatus;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};
use crate::rest::throwable::FailureCause;

/// The class that Flink's clients know a failed job's error by.
const JOB_EXCEPTION: &str = "org.apache.flink.runtime.JobException";

/// `GET /jobs/:jobid/execution-result`.
#[derive(Debug, Serialize)]
pub struct JobExecutionResultBody {
    status: QueueStatus,
    #[serde(rename = "job-execution-result", skip_serializing_if = "Option::is_none")]
    result: Option<JobResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct JobResult {
    id: JobId,
    name: String,
    application_status: &'static str,
    /// Java objects in Flink; here the accumulators are in `/jobs/:jobid/accumulators`.
    accumulator_results: BTreeMap<String, String>,
    net_runtime: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_cause: Option<FailureCause>,
    application_id: ApplicationId,
    start_time: Timestamp,
    end_time: Timestamp,
}

/// Shows how a job has ended, if it has.
pub async fn execution_result(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobExecutionResultBody>> {
    let id = params.job()?;
    let job = rest.find_job(id).ok_or_else(|| RestError::not_found(super::super::no_job(id)))?;
    let now = rest.now();
    let result = job.with_master(|master| result(master, now));
    let status = if result.is_some() { QueueStatus::COMPLETED } else { QueueStatus::IN_PROGRESS };
    Ok(ok(JobExecutionResultBody { status, result }))
}

fn result(master: &JobMaster, now: Timestamp) -> Option<JobResult> {
    let application_status = match master.status() {
        JobStatus::Finished => "SUCCEEDED",
        JobStatus::Failed => "FAILED",
        JobStatus::Canceled => "CANCELED",
        status if status.is_terminal() => "UNKNOWN",
        _ => return None,
    };
    let span = Span::of_job(master.lifecycle(), now);
    let failure = master.failure().filter(|_| master.status() == JobStatus::Failed);
    Some(JobResult {
        id: master.job_id(),
        name: master.graph().job_name.clone(),
        application_status,
        accumulator_results: BTreeMap::new(),
        net_runtime: span.duration,
        failure_cause: failure.map(cause),
        application_id: master.job_id().into(),
        start_time: span.start_time,
        end_time: span.end_time,
    })
}

fn cause(failure: &JobFailure) -> FailureCause {
    let task = failure.failure.task.as_ref().map(|task| format!("{}: ", task.name));
    let details =
        format!("Caused by: {}{}", task.unwrap_or_default(), stack_trace(&failure.failure.cause));
    FailureCause::new(JOB_EXCEPTION, &failure.refusal, Some(&details))
}
