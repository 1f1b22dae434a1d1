//! Metrics under Flink's names: which there are, their values, and sums over many.

mod aggregate;
mod handlers;
mod job;
mod process;

pub use aggregate::{Aggregated, Aggregation, aggregate};
pub use handlers::{
    job_manager, job_metrics, jobs, operator_coordinators, subtask, task_manager, task_managers,
    vertex, vertex_subtasks,
};
pub use job::{metrics_of_job, metrics_of_state};
pub use process::{of_job_manager, of_task_manager};
use sciurus_metrics::{MetricBody, Metrics, Value};
