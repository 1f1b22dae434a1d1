//! The metrics of a task, its own and its operators'.

use sciurus_core::graph::JobVertex;
use sciurus_core::ids::OperatorId;

use super::{Exposition, Scope};
use crate::task::{
    LatencyView, TaskMetricsView, UserMetricView, UserValueView, VertexOperators,
    exposed_quantiles, metrics_of_operator, metrics_of_task_alone,
};

/// Returns the scope of an attempt to run a subtask, within that of its job on a TaskManager.
pub fn task_scope(job: &Scope, vertex: &JobVertex, task: &TaskMetricsView) -> Scope {
    let attempt = task.attempt;
    job.within("task")
        .with("task_id", attempt.vertex.to_string())
        .with("task_name", &vertex.name)
        .with("task_attempt_id", attempt.to_string())
        .with("task_attempt_num", attempt.attempt.to_string())
        .with("subtask_index", attempt.subtask.to_string())
}

/// Adds the metrics of an attempt, its scope being what [`task_scope`] says.
pub fn add_task(
    exposition: &mut Exposition,
    scope: &Scope,
    vertex: &VertexOperators,
    task: &TaskMetricsView,
) {
    exposition.gauges(scope, &metrics_of_task_alone(vertex, task));
    for (place, counts) in task.operators.iter().enumerate() {
        let Some(operator) = vertex.operator(place) else { continue };
        for latency in &counts.latencies {
            add_latency(exposition, scope, (operator.id, task.attempt.subtask.0), latency);
        }
        let scope = scope
            .within("operator")
            .with("operator_id", operator.id.to_string())
            .with("operator_name", &operator.name);
        exposition.gauges(&scope, &metrics_of_operator(counts, operator.role));
        for metric in &counts.user {
            add_user_metric(exposition, &scope, metric);
        }
    }
}

fn add_user_metric(exposition: &mut Exposition, operator: &Scope, metric: &UserMetricView) {
    let mut scope = operator.clone();
    for (name, value) in &metric.groups {
        scope = scope.within(name);
        if let Some(value) = value {
            scope = scope.with(name, value);
        }
    }
    match &metric.value {
        UserValueView::Count(count) => exposition.gauge(&scope, &metric.name, *count as f64),
        UserValueView::Number(number) => exposition.gauge(&scope, &metric.name, *number),
        UserValueView::Histogram(values) => {
            exposition.summary(&scope, &metric.name, values.count, exposed_quantiles(values));
        }
    }
}

/// Latencies are metrics of the task, in Flink too: the operator is a label.
fn add_latency(
    exposition: &mut Exposition,
    task: &Scope,
    (operator, subtask): (OperatorId, u32),
    latency: &LatencyView,
) {
    let mut scope = task.within("latency");
    for (name, value) in latency.groups(operator, subtask) {
        scope = scope.within(name).with(name, value);
    }
    let values = &latency.distribution;
    exposition.summary(&scope, "latency", values.count, exposed_quantiles(values));
}
