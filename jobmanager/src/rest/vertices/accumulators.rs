//! What tasks have added up, by vertex, subtask and attempt.

use axum::extract::State;
use sciurus_core::ids::{ExecutionAttemptId, JobVertexId, SubtaskIndex};
use serde::Serialize;

use super::subtask::find_attempt;
use super::{UNASSIGNED, vertex};
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::jobs::{UserAccumulator, user_accumulators};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid/vertices/:vertexid/accumulators`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobVertexAccumulatorsInfo {
    id: JobVertexId,
    user_accumulators: Vec<UserAccumulator>,
}

/// `GET /jobs/:jobid/vertices/:vertexid/subtasks/accumulators`.
#[derive(Debug, Serialize)]
pub struct SubtasksAllAccumulatorsInfo {
    id: JobVertexId,
    parallelism: u32,
    subtasks: Vec<SubtaskAccumulatorsInfo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct SubtaskAccumulatorsInfo {
    subtask: SubtaskIndex,
    attempt: u32,
    endpoint: String,
    user_accumulators: Vec<UserAccumulator>,
}

/// `GET …/subtasks/:subtaskindex/attempts/:attempt/accumulators`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AttemptAccumulatorsInfo {
    subtask: SubtaskIndex,
    attempt: u32,
    id: ExecutionAttemptId,
    user_accumulators: Vec<UserAccumulator>,
}

/// Shows what the subtasks of a vertex have added up together.
pub async fn vertex_accumulators(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobVertexAccumulatorsInfo>> {
    let (job, id) = (rest.job(params.job()?)?, params.vertex()?);
    let attempts = job.with_master(|master| {
        vertex(master, id).map(|vertex| {
            let subtasks = master.execution_graph().subtasks_of(vertex).iter();
            subtasks.map(|subtask| subtask.current().id()).collect::<Vec<_>>()
        })
    });
    let mut sums = std::collections::BTreeMap::<String, i64>::new();
    for attempt in attempts? {
        for (name, value) in job.accumulators_of(attempt) {
            let sum = sums.entry(name).or_default();
            *sum = sum.wrapping_add(value);
        }
    }
    Ok(ok(JobVertexAccumulatorsInfo { id, user_accumulators: user_accumulators(&sums) }))
}

/// Shows what each subtask of a vertex has added up.
pub async fn subtasks_accumulators(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<SubtasksAllAccumulatorsInfo>> {
    let (job, id) = (rest.job(params.job()?)?, params.vertex()?);
    let subtasks = job.with_master(|master| {
        vertex(master, id).map(|vertex| {
            let place = |execution: &sciurus_job_master::execution_graph::Execution| {
                let slot = execution.slot();
                let endpoint = slot.map_or(UNASSIGNED, |slot| &slot.location.endpoint);
                (execution.id(), endpoint.to_owned())
            };
            let subtasks = master.execution_graph().subtasks_of(vertex).iter();
            subtasks.map(|subtask| place(subtask.current())).collect::<Vec<_>>()
        })
    });
    let info = |(attempt, endpoint): (ExecutionAttemptId, String)| SubtaskAccumulatorsInfo {
        subtask: attempt.subtask,
        attempt: attempt.attempt.0,
        endpoint,
        user_accumulators: user_accumulators(&job.accumulators_of(attempt)),
    };
    let subtasks: Vec<_> = subtasks?.into_iter().map(info).collect();
    Ok(ok(SubtasksAllAccumulatorsInfo { id, parallelism: subtasks.len() as u32, subtasks }))
}

/// Shows what an attempt has added up.
pub async fn attempt_accumulators(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<AttemptAccumulatorsInfo>> {
    let job = rest.job(params.job()?)?;
    let id = job.with_master(|master| {
        find_attempt(master, &params).map(sciurus_job_master::execution_graph::Execution::id)
    })?;
    Ok(ok(AttemptAccumulatorsInfo {
        subtask: id.subtask,
        attempt: id.attempt.0,
        id,
        user_accumulators: user_accumulators(&job.accumulators_of(id)),
    }))
}
