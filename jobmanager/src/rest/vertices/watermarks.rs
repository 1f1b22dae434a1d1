//! `/jobs/:jobid/vertices/:vertexid/watermarks`.

use axum::extract::State;

use super::vertex;
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};
use sciurus_metrics::task::watermark_name;
use sciurus_metrics::{MetricBody, Metrics, Value};

/// Shows the watermarks that have reached the subtasks of a vertex; sources have none.
pub async fn watermarks(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<Vec<MetricBody>>> {
    let (job, id) = (rest.job(params.job()?)?, params.vertex()?);
    let found = job.with_master(|master| {
        vertex(master, id).map(|vertex| {
            let is_source = master.graph().vertex(id).is_some_and(|vertex| vertex.is_source);
            let subtasks = master.execution_graph().subtasks_of(vertex).iter();
            let attempts: Vec<_> = subtasks.map(|subtask| subtask.current().id()).collect();
            (is_source, attempts)
        })
    });
    let (is_source, attempts) = found?;
    let mut metrics = Metrics::default();
    for attempt in attempts.into_iter().filter(|_| !is_source) {
        let view = job.task_metrics(attempt);
        if let Some(watermark) = view.and_then(|v| v.operators.first().map(|o| o.input_watermark)) {
            metrics.add(watermark_name(attempt.subtask), Value::Whole(watermark));
        }
    }
    Ok(ok(metrics.with_values()))
}
