//! `/jobs/:jobid/vertices/:vertexid/backpressure`.

use axum::extract::State;
use sciurus_core::ids::{ExecutionAttemptId, SubtaskIndex};
use sciurus_core::time::Timestamp;
use sciurus_job_master::ExecutionState;
use serde::Serialize;

use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// From which share of its time on a task's back pressure is low.
const LOW: f64 = 0.1;
/// From which share of its time on a task's back pressure is high.
const HIGH: f64 = 0.5;

/// `GET /jobs/:jobid/vertices/:vertexid/backpressure`.
#[derive(Debug, Serialize)]
pub struct JobVertexBackPressureInfo {
    /// `deprecated` where nothing runs that could be looked at.
    status: &'static str,
    #[serde(flatten)]
    measured: Option<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    #[serde(rename = "backpressureLevel")]
    level: &'static str,
    #[serde(rename = "end-timestamp")]
    end_timestamp: Timestamp,
    subtasks: Vec<SubtaskBackPressureInfo>,
    /// The same as `backpressureLevel`, under the name that it had before.
    #[serde(rename = "backpressure-level")]
    former_level: &'static str,
}

#[derive(Debug, Serialize)]
struct SubtaskBackPressureInfo {
    subtask: SubtaskIndex,
    #[serde(rename = "backpressureLevel")]
    level: &'static str,
    ratio: f64,
    #[serde(rename = "idleRatio")]
    idle_ratio: f64,
    #[serde(rename = "busyRatio")]
    busy_ratio: f64,
    #[serde(rename = "backpressure-level")]
    former_level: &'static str,
}

fn level(ratio: f64) -> &'static str {
    match ratio {
        ratio if ratio <= LOW => "ok",
        ratio if ratio <= HIGH => "low",
        _ => "high",
    }
}

/// Shows how much of their time the running subtasks of a vertex wait for those behind them.
pub async fn back_pressure(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobVertexBackPressureInfo>> {
    let id = params.vertex()?;
    let job = rest.job(params.job()?)?;
    let running: Vec<ExecutionAttemptId> = job.with_master(|master| {
        let executions = master.execution_graph();
        let subtasks = executions.job_vertex(id).map(|vertex| executions.subtasks_of(vertex));
        let current = subtasks
            .unwrap_or_default()
            .iter()
            .map(sciurus_job_master::execution_graph::ExecutionVertex::current);
        let running = current.filter(|current| current.state() == ExecutionState::Running);
        running.map(sciurus_job_master::execution_graph::Execution::id).collect()
    });
    let subtasks: Vec<_> = running
        .into_iter()
        .filter_map(|attempt| {
            let metrics = job.task_metrics(attempt)?;
            let ratio = metrics.back_pressured_ms_per_second() / 1_000.0;
            Some(SubtaskBackPressureInfo {
                subtask: attempt.subtask,
                level: level(ratio),
                ratio,
                idle_ratio: metrics.idle_ms_per_second / 1_000.0,
                busy_ratio: metrics.busy_ms_per_second / 1_000.0,
                former_level: level(ratio),
            })
        })
        .collect();
    if subtasks.is_empty() {
        return Ok(ok(JobVertexBackPressureInfo { status: "deprecated", measured: None }));
    }
    let worst = level(subtasks.iter().map(|subtask| subtask.ratio).fold(0.0, f64::max));
    let measured =
        Measured { level: worst, end_timestamp: rest.now(), subtasks, former_level: worst };
    Ok(ok(JobVertexBackPressureInfo { status: "ok", measured: Some(measured) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_flink() {
        let levels = [0.0, 0.1, 0.11, 0.5, 0.51, 1.0].map(level);
        assert_eq!(levels, ["ok", "ok", "low", "low", "high", "high"]);
    }
}
