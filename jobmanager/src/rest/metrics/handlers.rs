//! The endpoints whose answers are metrics.

use axum::extract::State;
use sciurus_core::ids::{ExecutionAttemptId, JobId, JobVertexId};
use sciurus_job_master::JobMaster;
use sciurus_metrics::sanitized;
use sciurus_metrics::task::{VertexOperators, metrics_of_task};

use super::process::of_task_managers;
use super::{
    Aggregated, Aggregation, MetricBody, Metrics, aggregate, metrics_of_job, of_job_manager,
    of_task_manager,
};
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::{Params, unresolved};
use crate::rest::reply::{Reply, ok};

/// An answer with metrics.
type One = RestResult<Reply<Vec<MetricBody>>>;

/// An answer with aggregated metrics.
type Many = RestResult<Reply<Vec<Aggregated>>>;

/// `GET /jobmanager/metrics`.
pub async fn job_manager(State(rest): State<Rest>, params: Params) -> One {
    Ok(ok(of_job_manager(&rest.dispatcher().metrics()).answer(&params.list("get")?)))
}

/// `GET /taskmanagers/:taskmanagerid/metrics`.
pub async fn task_manager(State(rest): State<Rest>, params: Params) -> One {
    let wanted = params.list("get")?;
    let found = rest.find_task_manager(&params.task_manager());
    Ok(ok(found.map(|info| of_task_manager(&info)).unwrap_or_default().answer(&wanted)))
}

/// `GET /taskmanagers/metrics`.
pub async fn task_managers(State(rest): State<Rest>, params: Params) -> Many {
    let some: Vec<String> = params.list_of("taskmanagers")?;
    let some: Vec<_> = some.into_iter().map(From::from).collect();
    many(&of_task_managers(&rest.dispatcher().task_managers(), &some), &params)
}

/// `GET /jobs/:jobid/metrics`.
pub async fn job_metrics(State(rest): State<Rest>, params: Params) -> One {
    let wanted = params.list("get")?;
    let now = rest.now();
    let found = rest.find_job(params.job()?);
    let metrics = found.map(|job| metrics_of_job(&job, now));
    Ok(ok(metrics.unwrap_or_default().answer(&wanted)))
}

/// `GET /jobs/metrics`.
pub async fn jobs(State(rest): State<Rest>, params: Params) -> Many {
    let some: Vec<JobId> = params.list_of("jobs")?;
    let now = rest.now();
    let jobs = rest.dispatcher().jobs();
    let wanted = jobs.iter().filter(|job| {
        if some.is_empty() { !job.status().is_terminal() } else { some.contains(&job.id()) }
    });
    let metrics: Vec<_> = wanted.map(|job| metrics_of_job(job, now)).collect();
    many(&metrics, &params)
}

/// `GET /jobs/:jobid/vertices/:vertexid/metrics`: those of all subtasks, their index in front.
pub async fn vertex(State(rest): State<Rest>, params: Params) -> One {
    let wanted = params.list("get")?;
    let mut all = Metrics::default();
    for (subtask, metrics) in subtasks_of(&rest, params.job()?, params.vertex()?) {
        all.add_prefixed(&subtask.to_string(), metrics);
    }
    Ok(ok(all.answer(&wanted)))
}

/// `GET /jobs/:jobid/vertices/:vertexid/subtasks/:subtaskindex/metrics`.
pub async fn subtask(State(rest): State<Rest>, params: Params) -> One {
    let wanted = params.list("get")?;
    let index = params.subtask()?;
    let subtasks = subtasks_of(&rest, params.job()?, params.vertex()?);
    let found = subtasks.into_iter().find(|(subtask, _)| *subtask == index.0);
    Ok(ok(found.map(|(_, metrics)| metrics).unwrap_or_default().answer(&wanted)))
}

/// `GET /jobs/:jobid/vertices/:vertexid/subtasks/metrics`.
pub async fn vertex_subtasks(State(rest): State<Rest>, params: Params) -> Many {
    let ranges = params.list("subtasks")?;
    let ranges = ranges.into_iter().map(range).collect::<RestResult<Vec<_>>>()?;
    let subtasks = subtasks_of(&rest, params.job()?, params.vertex()?);
    let is_wanted = |subtask: u32| {
        ranges.is_empty() || ranges.iter().any(|(first, last)| (*first..=*last).contains(&subtask))
    };
    let metrics: Vec<_> = subtasks
        .into_iter()
        .filter(|(subtask, _)| is_wanted(*subtask))
        .map(|(_, metrics)| metrics)
        .collect();
    many(&metrics, &params)
}

/// `GET /jobs/:jobid/vertices/:vertexid/jm-operator-metrics`.
pub async fn operator_coordinators(State(rest): State<Rest>, params: Params) -> One {
    let wanted = params.list("get")?;
    let vertex = params.vertex()?;
    let mut metrics = Metrics::default();
    if let Some(job) = rest.find_job(params.job()?) {
        let source = job.with_master(|master| {
            let vertex = master.graph().vertex(vertex)?;
            let runs = !master.status().is_terminal();
            (vertex.is_source && runs).then(|| sanitized(&vertex.name))
        });
        if let Some(name) = source {
            let unassigned = "coordinator.enumerator.unassignedSplits";
            metrics.add(format!("{name}.{unassigned}"), 0_u64);
        }
    }
    Ok(ok(metrics.answer(&wanted)))
}

fn many(metrics: &[Metrics], params: &Params) -> Many {
    let mut by = Vec::new();
    for text in params.list("agg")? {
        by.push(text.parse::<Aggregation>().map_err(|()| unresolved("query", "agg", text))?);
    }
    Ok(ok(aggregate(metrics, &params.list("get")?, &by)))
}

/// Reads a subtask's index or a range of them: `3`, `0-5`.
fn range(text: &str) -> RestResult<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) => Ok((first, last)),
        _ => Err(unresolved("query", "subtasks", text)),
    }
}

/// Returns the metrics of the subtasks that have told any.
fn subtasks_of(rest: &Rest, job: JobId, vertex: JobVertexId) -> Vec<(u32, Metrics)> {
    let Some(job) = rest.find_job(job) else { return Vec::new() };
    let (attempts, operators) = job.with_master(|master| {
        (current_attempts(master, vertex), VertexOperators::of(master.graph(), vertex))
    });
    let metrics = |attempt: ExecutionAttemptId| {
        let view = job.task_metrics(attempt)?;
        Some((attempt.subtask.0, metrics_of_task(&operators, &view)))
    };
    attempts.into_iter().filter_map(metrics).collect()
}

fn current_attempts(master: &JobMaster, vertex: JobVertexId) -> Vec<ExecutionAttemptId> {
    let executions = master.execution_graph();
    let subtasks = executions.job_vertex(vertex).map(|vertex| executions.subtasks_of(vertex));
    subtasks.unwrap_or_default().iter().map(|subtask| subtask.current().id()).collect()
}
