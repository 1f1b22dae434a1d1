//! `/jobs/:jobid/vertices/:vertexid/taskmanagers`.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;
use sciurus_job_master::execution_graph::{Execution, ExecutionStateCounts};
use serde::Serialize;

use super::details::{AggregatedTasks, fill_in};
use super::subtask::AttemptInfo;
use super::{UNASSIGNED, vertex};
use crate::job::Job;
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::jobs::{IoMetrics, Span, state_counts};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid/vertices/:vertexid/taskmanagers`.
#[derive(Debug, Serialize)]
pub struct JobVertexTaskManagersInfo {
    id: JobVertexId,
    name: String,
    now: Timestamp,
    taskmanagers: Vec<TaskManagerInfo>,
}

/// The subtasks of a vertex on one TaskManager.
#[derive(Debug, Serialize)]
struct TaskManagerInfo {
    endpoint: String,
    status: &'static str,
    #[serde(flatten)]
    span: Span,
    metrics: IoMetrics,
    #[serde(rename = "status-counts")]
    status_counts: BTreeMap<&'static str, u32>,
    #[serde(rename = "taskmanager-id")]
    task_manager: String,
    aggregated: AggregatedTasks,
}

/// What is taken note of while the job is looked at.
struct Group {
    endpoint: String,
    counts: ExecutionStateCounts,
    span: Span,
    attempts: Vec<AttemptInfo>,
}

/// Shows on which TaskManagers a vertex runs.
pub async fn task_managers(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobVertexTaskManagersInfo>> {
    let (job, id, now) = (rest.job(params.job()?)?, params.vertex()?, rest.now());
    let found = job.with_master(|master| {
        vertex(master, id).map(|vertex| {
            let mut places: BTreeMap<&str, Vec<&Execution>> = BTreeMap::new();
            for subtask in master.execution_graph().subtasks_of(vertex) {
                let execution = subtask.current();
                let place = execution.slot().map_or(UNASSIGNED, |slot| slot.location.id.as_str());
                places.entry(place).or_default().push(execution);
            }
            let groups: Vec<(String, Group)> = places
                .into_iter()
                .map(|(place, executions)| (place.to_owned(), group(&executions, now)))
                .collect();
            (vertex.name().to_owned(), groups)
        })
    });
    let (name, groups) = found?;
    let taskmanagers = groups.into_iter().map(|(id, group)| info(&job, id, group)).collect();
    Ok(ok(JobVertexTaskManagersInfo { id, name, now, taskmanagers }))
}

fn group(executions: &[&Execution], now: Timestamp) -> Group {
    let slot = executions.first().and_then(|execution| execution.slot());
    Group {
        endpoint: slot.map_or(UNASSIGNED, |slot| &slot.location.endpoint).to_owned(),
        counts: executions.iter().map(|execution| execution.state()).collect(),
        span: Span::of_executions(executions.iter().copied(), now),
        attempts: executions.iter().map(|execution| AttemptInfo::new(execution, now)).collect(),
    }
}

fn info(job: &Job, task_manager: String, mut group: Group) -> TaskManagerInfo {
    fill_in(job, &mut group.attempts);
    let mut metrics = IoMetrics::default();
    for attempt in &group.attempts {
        metrics.add(job.task_metrics(attempt.id).as_ref());
    }
    TaskManagerInfo {
        endpoint: group.endpoint,
        status: group.counts.aggregate().name(),
        span: group.span,
        metrics,
        status_counts: state_counts(|state| group.counts.of(state)),
        task_manager,
        aggregated: AggregatedTasks::of(&group.attempts.iter().collect::<Vec<_>>()),
    }
}
