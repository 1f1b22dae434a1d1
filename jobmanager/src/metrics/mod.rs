//! What tasks count and what the JobManager itself shows.

mod book;
mod process;
mod task_metrics;

pub use book::MetricsBook;
pub use process::ProcessMetrics;
pub use task_metrics::{OperatorMetricsView, TaskMetricsView};
