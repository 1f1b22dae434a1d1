//! The metrics of a task: what is reported of it, rates over the last seconds, and names.

mod names;
mod samples;
mod user;
mod view;

pub use names::{VertexOperators, metrics_of_task, watermark_name};
pub(crate) use names::{metrics_of_operator, metrics_of_task_alone};
pub use samples::TaskSamples;
pub(crate) use user::exposed_quantiles;
pub use user::{LatencyView, UserMetricView, UserValueView};
pub use view::{OperatorMetricsView, TaskMetricsView};
