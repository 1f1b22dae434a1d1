//! `/jobs/:jobid/vertices/:vertexid/subtasktimes`.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::ids::{JobVertexId, SubtaskIndex};
use sciurus_core::time::Timestamp;
use sciurus_job_master::ExecutionState;
use sciurus_job_master::execution_graph::Execution;
use serde::Serialize;

use super::{UNASSIGNED, vertex};
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::jobs::{NEVER, task_timestamps};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid/vertices/:vertexid/subtasktimes`.
#[derive(Debug, Serialize)]
pub struct SubtasksTimesInfo {
    id: JobVertexId,
    name: String,
    now: Timestamp,
    subtasks: Vec<SubtaskTimeInfo>,
}

#[derive(Debug, Serialize)]
struct SubtaskTimeInfo {
    subtask: SubtaskIndex,
    endpoint: String,
    duration: Timestamp,
    timestamps: BTreeMap<&'static str, Timestamp>,
}

impl SubtaskTimeInfo {
    fn new(execution: &Execution, now: Timestamp) -> Self {
        let lifecycle = execution.lifecycle();
        let state = execution.state();
        let end = state.is_terminal().then(|| lifecycle.entered(state)).flatten().unwrap_or(now);
        let duration = lifecycle
            .entered(ExecutionState::Scheduled)
            .map_or(NEVER, |scheduled| end.saturating_sub(scheduled).max(0));
        let endpoint = execution.slot().map_or(UNASSIGNED, |slot| &slot.location.endpoint);
        Self {
            subtask: execution.id().subtask,
            endpoint: endpoint.to_owned(),
            duration,
            timestamps: task_timestamps(lifecycle),
        }
    }
}

/// Shows when subtasks entered their states.
pub async fn subtask_times(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<SubtasksTimesInfo>> {
    let (job, id, now) = (rest.job(params.job()?)?, params.vertex()?, rest.now());
    let info = job.with_master(|master| {
        vertex(master, id).map(|vertex| SubtasksTimesInfo {
            id,
            name: vertex.name().to_owned(),
            now,
            subtasks: master
                .execution_graph()
                .subtasks_of(vertex)
                .iter()
                .map(|subtask| SubtaskTimeInfo::new(subtask.current(), now))
                .collect(),
        })
    });
    Ok(ok(info?))
}
