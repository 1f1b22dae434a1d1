//! `/jobs/:jobid/vertices/:vertexid`.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;
use serde::Serialize;

use super::subtask::AttemptInfo;
use super::vertex_itself;
use crate::job::Job;
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::jobs::{IoMetrics, IoStatistics, Statistics, TIMED_STATES};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid/vertices/:vertexid`.
#[derive(Debug, Serialize)]
pub struct JobVertexDetailsInfo {
    id: JobVertexId,
    name: String,
    parallelism: u32,
    #[serde(rename = "maxParallelism")]
    max_parallelism: u32,
    now: Timestamp,
    subtasks: Vec<AttemptInfo>,
    aggregated: AggregatedTasks,
}

/// How the tasks of a vertex differ.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AggregatedTasks {
    metrics: IoStatistics,
    status_duration: BTreeMap<&'static str, Statistics>,
}

impl AggregatedTasks {
    /// Looks at attempts.
    pub fn of(attempts: &[&AttemptInfo]) -> Self {
        let metrics: Vec<IoMetrics> = attempts.iter().map(|info| info.metrics.clone()).collect();
        let spread = |state| Statistics::of(attempts.iter().filter_map(|info| info.time_in(state)));
        Self {
            metrics: IoStatistics::of(&metrics),
            status_duration: TIMED_STATES
                .into_iter()
                .map(|state| (state.name(), spread(state)))
                .collect(),
        }
    }
}

/// Shows a vertex with its subtasks.
pub async fn details(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobVertexDetailsInfo>> {
    let (job, id, now) = (rest.job(params.job()?)?, params.vertex()?, rest.now());
    let info = job.with_master(|master| {
        vertex_itself(master, id).map(|vertex| {
            let subtasks = master.execution_graph().subtasks_of(vertex);
            JobVertexDetailsInfo {
                id,
                name: vertex.name().to_owned(),
                parallelism: vertex.parallelism(),
                max_parallelism: vertex.max_parallelism(),
                now,
                subtasks: subtasks.iter().map(|s| AttemptInfo::new(s.current(), now)).collect(),
                aggregated: AggregatedTasks::of(&[]),
            }
        })
    });
    let mut info = info?;
    fill_in(&job, &mut info.subtasks);
    info.aggregated = AggregatedTasks::of(&info.subtasks.iter().collect::<Vec<_>>());
    Ok(ok(info))
}

/// Fills in what attempts counted.
pub(super) fn fill_in(job: &Job, attempts: &mut [AttemptInfo]) {
    for info in attempts {
        info.metrics = IoMetrics::of(job.task_metrics(info.id).as_ref());
    }
}
