//! One attempt to run a subtask.

use axum::extract::State;
use sciurus_core::ids::{ExecutionAttemptId, SubtaskIndex};
use sciurus_core::time::Timestamp;
use sciurus_job_master::execution_graph::{Execution, ExecutionVertex};
use sciurus_job_master::{ExecutionState, JobMaster};
use serde::Serialize;

use super::{UNASSIGNED, vertex};
use crate::rest::Rest;
use crate::rest::error::{RestError, RestResult};
use crate::rest::jobs::{IoMetrics, Span, StateDurations};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// An attempt, as Flink shows it wherever it does.
#[derive(Debug, Serialize)]
pub struct AttemptInfo {
    subtask: SubtaskIndex,
    status: &'static str,
    attempt: u32,
    endpoint: String,
    #[serde(flatten)]
    span: Span,
    /// What it counted, to be filled in.
    pub metrics: IoMetrics,
    #[serde(rename = "taskmanager-id")]
    task_manager: String,
    #[serde(rename = "status-duration")]
    status_duration: StateDurations,
    /// The same as `start-time`, under the name that it had before.
    start_time: Timestamp,
    /// Which attempt it is.
    #[serde(skip)]
    pub id: ExecutionAttemptId,
}

impl AttemptInfo {
    /// Shows an attempt but for what it counted.
    pub fn new(execution: &Execution, now: Timestamp) -> Self {
        let id = execution.id();
        let location = execution.slot().map(|slot| &slot.location);
        let span = Span::of_execution(execution, now);
        Self {
            subtask: id.subtask,
            status: execution.state().name(),
            attempt: id.attempt.0,
            endpoint: location.map_or(UNASSIGNED, |location| &location.endpoint).to_owned(),
            span,
            metrics: IoMetrics::default(),
            task_manager: location.map_or(UNASSIGNED, |l| l.id.as_str()).to_owned(),
            status_duration: StateDurations::of(execution.lifecycle(), now),
            start_time: span.start_time,
            id,
        }
    }

    /// Returns for how long the attempt was in a state, if it was.
    pub fn time_in(&self, state: ExecutionState) -> Option<u64> {
        let found = self.status_duration.iter().find(|(candidate, _)| *candidate == state);
        found.and_then(|(_, millis)| u64::try_from(millis).ok())
    }
}

/// Finds the subtask of the path.
pub(super) fn find<'a>(master: &'a JobMaster, params: &Params) -> RestResult<&'a ExecutionVertex> {
    let (id, index) = (params.vertex()?, params.subtask()?);
    let vertex = vertex(master, id)?;
    let missing = || RestError::not_found(format!("Invalid subtask index for vertex {id}"));
    master.execution_graph().subtasks_of(vertex).get(index.position()).ok_or_else(missing)
}

/// Finds the attempt of the path.
pub(super) fn find_attempt<'a>(
    master: &'a JobMaster,
    params: &Params,
) -> RestResult<&'a Execution> {
    let (subtask, number) = (find(master, params)?, params.attempt()?);
    let missing = || RestError::not_found(format!("Invalid attempt num {number}"));
    subtask.attempts().find(|attempt| attempt.id().attempt == number).ok_or_else(missing)
}

/// Shows the current attempt of a subtask.
pub async fn subtask(State(rest): State<Rest>, params: Params) -> RestResult<Reply<AttemptInfo>> {
    let (job, now) = (rest.job(params.job()?)?, rest.now());
    let found = job.with_master(|master| {
        find(master, &params).map(|subtask| AttemptInfo::new(subtask.current(), now))
    });
    let mut info = found?;
    info.metrics = IoMetrics::of(job.task_metrics(info.id).as_ref());
    Ok(ok(info))
}

/// Shows an attempt.
pub async fn attempt(State(rest): State<Rest>, params: Params) -> RestResult<Reply<AttemptInfo>> {
    let (job, now) = (rest.job(params.job()?)?, rest.now());
    let found = job.with_master(|master| {
        find_attempt(master, &params).map(|execution| AttemptInfo::new(execution, now))
    });
    let mut info = found?;
    info.metrics = IoMetrics::of(job.task_metrics(info.id).as_ref());
    Ok(ok(info))
}
