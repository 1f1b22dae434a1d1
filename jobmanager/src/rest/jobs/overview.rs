//! `/jobs`, `/jobs/overview` and what of it applications show.

use axum::extract::State;
use sciurus_core::ids::JobId;
use sciurus_core::time::Timestamp;
use sciurus_job_master::execution_graph::ExecutionStateCounts;
use sciurus_job_master::{ExecutionState, JobMaster};
use serde::Serialize;

use super::shortage::SlotShortageBody;
use super::times::Span;
use crate::job::Job;
use crate::rest::Rest;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs`.
#[derive(Debug, Serialize)]
pub struct JobIdsWithStatusOverview {
    jobs: Vec<JobIdWithStatus>,
}

#[derive(Debug, Serialize)]
struct JobIdWithStatus {
    id: JobId,
    status: &'static str,
}

/// Lists jobs with their status.
pub async fn jobs(State(rest): State<Rest>) -> Reply<JobIdsWithStatusOverview> {
    let entry = |job: &std::sync::Arc<Job>| JobIdWithStatus {
        id: job.id(),
        status: job.with_master(|master| master.status().name()),
    };
    ok(JobIdsWithStatusOverview { jobs: rest.dispatcher().jobs().iter().map(entry).collect() })
}

/// `GET /jobs/overview`.
#[derive(Debug, Serialize)]
pub struct MultipleJobsDetails {
    jobs: Vec<JobSummary>,
}

/// Lists jobs with what a table of them shows.
pub async fn overview(State(rest): State<Rest>) -> Reply<MultipleJobsDetails> {
    let now = rest.now();
    let jobs = rest.dispatcher().jobs();
    ok(MultipleJobsDetails { jobs: jobs.iter().map(|job| JobSummary::of(job, now)).collect() })
}

/// A job in a table.
#[derive(Debug, Serialize)]
pub struct JobSummary {
    jid: JobId,
    name: String,
    #[serde(rename = "jobType")]
    job_type: &'static str,
    #[serde(rename = "schedulerType")]
    scheduler_type: &'static str,
    #[serde(flatten)]
    span: Span,
    state: &'static str,
    #[serde(rename = "last-modification")]
    last_modification: Timestamp,
    tasks: TaskCounts,
    #[serde(rename = "pending-operators")]
    pending_operators: u32,
    /// Not Flink's: what the job waits for.
    #[serde(rename = "slot-shortage", skip_serializing_if = "Option::is_none")]
    slot_shortage: Option<SlotShortageBody>,
}

impl JobSummary {
    /// Sums a job up.
    pub fn of(job: &Job, now: Timestamp) -> Self {
        job.with_master(|master| Self {
            jid: master.job_id(),
            name: master.graph().job_name.clone(),
            job_type: master.graph().job_type.name(),
            scheduler_type: super::scheduler_type(master),
            span: Span::of_job(master.lifecycle(), now),
            state: master.status().name(),
            last_modification: last_modification(master),
            tasks: TaskCounts::of(master),
            pending_operators: 0,
            slot_shortage: master.slot_shortage().map(SlotShortageBody::from),
        })
    }
}

fn last_modification(master: &JobMaster) -> Timestamp {
    master.lifecycle().history().last().map_or(0, |(_, entered)| *entered)
}

/// How many tasks are in each state.
#[derive(Debug, Serialize)]
pub struct TaskCounts {
    running: u32,
    canceling: u32,
    canceled: u32,
    total: u32,
    created: u32,
    scheduled: u32,
    deploying: u32,
    reconciling: u32,
    finished: u32,
    initializing: u32,
    failed: u32,
}

impl TaskCounts {
    fn of(master: &JobMaster) -> Self {
        let subtasks = master.execution_graph().subtasks();
        let counts: ExecutionStateCounts =
            subtasks.iter().map(|subtask| subtask.current().state()).collect();
        Self {
            running: counts.of(ExecutionState::Running),
            canceling: counts.of(ExecutionState::Canceling),
            canceled: counts.of(ExecutionState::Canceled),
            total: counts.total(),
            created: counts.of(ExecutionState::Created),
            scheduled: counts.of(ExecutionState::Scheduled),
            deploying: counts.of(ExecutionState::Deploying),
            reconciling: counts.of(ExecutionState::Reconciling),
            finished: counts.of(ExecutionState::Finished),
            initializing: counts.of(ExecutionState::Initializing),
            failed: counts.of(ExecutionState::Failed),
        }
    }
}
