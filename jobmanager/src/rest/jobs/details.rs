//! `/jobs/:jobid` and `/jobs/:jobid/plan`.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::graph::JobPlan;
use sciurus_core::ids::{
    ApplicationId, ExecutionAttemptId, JobId, JobVertexId, SlotSharingGroupId,
};
use sciurus_core::time::Timestamp;
use sciurus_job_master::execution_graph::ExecutionJobVertex;
use sciurus_job_master::{ExecutionState, JobMaster};
use serde::Serialize;

use super::io_metrics::IoMetrics;
use super::shortage::SlotShortageBody;
use super::times::{Span, job_timestamps};
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid`.
#[derive(Debug, Serialize)]
pub struct JobDetailsInfo {
    jid: JobId,
    #[serde(rename = "application-id")]
    application_id: ApplicationId,
    name: String,
    #[serde(rename = "isStoppable")]
    is_stoppable: bool,
    state: &'static str,
    #[serde(rename = "job-type")]
    job_type: &'static str,
    #[serde(rename = "schedulerType")]
    scheduler_type: &'static str,
    #[serde(flatten)]
    span: Span,
    #[serde(rename = "maxParallelism")]
    max_parallelism: i32,
    now: Timestamp,
    timestamps: BTreeMap<&'static str, Timestamp>,
    vertices: Vec<JobVertexSummary>,
    #[serde(rename = "status-counts")]
    status_counts: BTreeMap<&'static str, u32>,
    plan: JobPlan,
    #[serde(rename = "pending-operators")]
    pending_operators: u32,
    /// Not Flink's: what the job waits for.
    #[serde(rename = "slot-shortage", skip_serializing_if = "Option::is_none")]
    slot_shortage: Option<SlotShortageBody>,
}

#[derive(Debug, Serialize)]
struct JobVertexSummary {
    id: JobVertexId,
    #[serde(rename = "slotSharingGroupId")]
    slot_sharing_group_id: Option<SlotSharingGroupId>,
    name: String,
    #[serde(rename = "maxParallelism")]
    max_parallelism: u32,
    parallelism: u32,
    status: &'static str,
    #[serde(flatten)]
    span: Span,
    tasks: BTreeMap<&'static str, u32>,
    metrics: IoMetrics,
}

/// Shows a job with its vertices.
pub async fn details(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobDetailsInfo>> {
    let job = rest.job(params.job()?)?;
    let now = rest.now();
    let (mut info, attempts) = job.with_master(|master| info(master, now));
    // Counts have a lock of their own; the job need not wait for them.
    for (vertex, attempts) in info.vertices.iter_mut().zip(attempts) {
        for attempt in attempts {
            vertex.metrics.add(job.task_metrics(attempt).as_ref());
        }
    }
    Ok(ok(info))
}

/// Shows a job, and says which attempts its metrics are of, vertex by vertex.
fn info(master: &JobMaster, now: Timestamp) -> (JobDetailsInfo, Vec<Vec<ExecutionAttemptId>>) {
    let executions = master.execution_graph();
    let vertices: Vec<_> =
        executions.job_vertices().iter().map(|vertex| summary(master, vertex, now)).collect();
    let attempts = |vertex: &ExecutionJobVertex| {
        executions.subtasks_of(vertex).iter().map(|subtask| subtask.current().id()).collect()
    };
    let attempts = executions.job_vertices().iter().map(attempts).collect();
    let mut status_counts = state_counts(|_| 0);
    for vertex in &vertices {
        *status_counts.entry(vertex.status).or_default() += 1;
    }
    let info = JobDetailsInfo {
        jid: master.job_id(),
        application_id: master.job_id().into(),
        name: master.graph().job_name.clone(),
        is_stoppable: false,
        state: master.status().name(),
        job_type: master.graph().job_type.name(),
        scheduler_type: super::scheduler_type(master),
        span: Span::of_job(master.lifecycle(), now),
        max_parallelism: -1,
        now,
        timestamps: job_timestamps(master.lifecycle()),
        vertices,
        status_counts,
        plan: JobPlan::new(master.job_id(), master.graph()),
        pending_operators: 0,
        slot_shortage: master.slot_shortage().map(SlotShortageBody::from),
    };
    (info, attempts)
}

fn summary(master: &JobMaster, vertex: &ExecutionJobVertex, now: Timestamp) -> JobVertexSummary {
    let executions = master.execution_graph();
    let subtasks = executions.subtasks_of(vertex);
    let counts = executions.counts_of(vertex);
    JobVertexSummary {
        id: vertex.id(),
        slot_sharing_group_id: master
            .graph()
            .vertex(vertex.id())
            .map(sciurus_core::graph::JobVertex::slot_sharing_group_id),
        name: vertex.name().to_owned(),
        max_parallelism: vertex.max_parallelism(),
        parallelism: vertex.parallelism(),
        status: counts.aggregate().name(),
        span: Span::of_executions(
            subtasks.iter().map(sciurus_job_master::execution_graph::ExecutionVertex::current),
            now,
        ),
        tasks: state_counts(|state| counts.of(state)),
        metrics: IoMetrics::default(),
    }
}

/// Returns a number for each state.
pub fn state_counts(of: impl Fn(ExecutionState) -> u32) -> BTreeMap<&'static str, u32> {
    ExecutionState::ALL.into_iter().map(|state| (state.name(), of(state))).collect()
}

/// `GET /jobs/:jobid/plan`.
#[derive(Debug, Serialize)]
pub struct JobPlanInfo {
    /// The plan.
    pub plan: JobPlan,
}

/// Shows a job's graph.
pub async fn plan(State(rest): State<Rest>, params: Params) -> RestResult<Reply<JobPlanInfo>> {
    let job = rest.job(params.job()?)?;
    let plan = job.with_master(|master| JobPlan::new(master.job_id(), master.graph()));
    Ok(ok(JobPlanInfo { plan }))
}
